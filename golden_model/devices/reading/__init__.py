"""Reading of measured curves, in four steps: tables, columns, records, sweeps.

`tables` cuts text into rows and finds the tables in it. `columns` finds the quantity and the unit of a
column from its name. `records` chooses the columns of each record, by name first and by data where
names leave a choice. `sweeps` holds the result and cuts it into single sweeps.
"""
