module github.com/watchkeeper/watchkeeper/bench

go 1.26
