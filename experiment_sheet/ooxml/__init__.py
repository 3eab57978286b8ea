"""The only code that knows what is inside an .xlsx file."""
