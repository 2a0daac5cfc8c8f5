module polykube/goapi

go 1.19
