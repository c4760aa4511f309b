module pgrepl

go 1.26
