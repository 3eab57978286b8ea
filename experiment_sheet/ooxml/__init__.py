"""The only code that knows what is inside an .xlsx file. A map for who reads it the first time.

**Why.** Programs that load a workbook and save it again lose what they don't know (shapes, slicers, threaded
comments, cached values). So a workbook that exists is never parsed into a model: the engine finds the bytes that
have to change, changes those, and copies the rest as it lies in the file.

**How a write goes.**

    Package (zip) ── Book ── Worksheet ── Place ── Survey ── Draft ── changed parts ── Package.save
                     tabs    head, rows,  where    where     cells    table, names,    one atomic
                     names   trailer      the runs  each id   judged   ranges grown     rename
                                          stand    stands    and spelled

| level | modules | what they know |
|---|---|---|
| file | `package`, `zipdir`, `layout`, `lay`, `crc`, `replacement` | zip entries, the layout that grows at its end |
| bytes | `xml`, `rows` | tags and where they stand; nothing of spreadsheets |
| parts | `parts`, `workbook`, `worksheet`, `table`, `refit`, `query`, `styles`, `strings`, … | one kind of part each |
| cells | `cells` (written), `held` (read), `formula`, `names` | how values, formulas and identities are spelled |
| a write | `place`, `survey`, `looking`, `ownership`, `pen`, … | one question each |
| together | `writer`, `draft` (its state), `assembly` (parts), `relay` (the cheapest change) | the whole of a write |
| else | `reader` (a whole sheet), `create` (a new workbook), `fresh` (a new tab or table) | |

**Why it is safe.**

1. Nothing is written before everything is decided; then `Package.save` replaces the file at once or not at all.
2. A change is a list of `xml.Edit` (replace these bytes by those) in places that a parser told. What no edit names
   comes out as it went in.
3. Rows are found by their tags alone, which is exact in well-formed XML (`rows` says why); that it is well-formed
   is proven in the same pass whenever another program wrote the part.
4. What can't be done without harm raises `SheetRefused`, what is broken `SheetDamaged`, both naming the place,
   with the file untouched.
5. A cell is written only if it holds what the library put there, or nothing (`ownership`).

**Why it is fast.** After the first write the tab has a layout in which the last rows lie uncompressed at the end
of the part (`layout`). An append reads those, and the first kilobytes for the columns; it writes them anew and
copies what stands before. A change of an older row deflates its segment of 256 KB again (`relay`).
"""
