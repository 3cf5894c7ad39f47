// Goroutines, channels, maps, files, a TCP connection to itself.
package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"os"
	"sort"
	"sync"
	"time"
)

func main() {
	results := make(chan string)
	var group sync.WaitGroup
	for i := 0; i < 8; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			results <- fmt.Sprintf("%d %x", i, sha256.Sum256(make([]byte, i<<16)))
		}(i)
	}
	go func() { group.Wait(); close(results) }()
	var lines []string
	for line := range results {
		lines = append(lines, line)
	}
	sort.Strings(lines)
	for _, line := range lines {
		fmt.Println(line)
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	go func() {
		connection, err := listener.Accept()
		if err == nil {
			fmt.Fprintln(connection, "over TCP")
			connection.Close()
		}
	}()
	connection, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	text, err := io.ReadAll(connection)
	fmt.Print(string(text))
	time.Sleep(10 * time.Millisecond)
	os.Exit(len(lines))
}
