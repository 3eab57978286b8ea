"""Log machine-learning experiments into the spreadsheet you already use."""
