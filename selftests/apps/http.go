// SPDX-License-Identifier: GPL-2.0

// An HTTP server and client with Go's net/http, and an echo server whose
// io.Copy() from socket to socket is splice().
//
//	go_http server ADDRESS PORT FILE
//	go_http client ADDRESS PORT FILE CLIENTS
//
// The echo server has the next port. The client knows the file too, to
// compare: it downloads it, uploads it, reads parts of it over CLIENTS
// keep-alive connections, and sends it through the echo server.
package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

const (
	patience = 30 * time.Minute
	part     = 64 << 10
	rounds   = 10
)

func must(err error) {
	if err != nil {
		log.Fatal("error: ", err)
	}
}

func sum(r io.Reader) string {
	hash := sha256.New()
	_, err := io.Copy(hash, r)
	must(err)
	return fmt.Sprintf("%x", hash.Sum(nil))
}

func sumOfFile(name string) string {
	file, err := os.Open(name)
	must(err)
	defer file.Close()
	return sum(file)
}

func echo(conn *net.TCPConn) {
	_, err := io.Copy(conn, conn)
	must(err)
	must(conn.CloseWrite())
	must(conn.Close())
}

func serveEcho(address string) {
	listener, err := net.Listen("tcp", address)
	must(err)
	for {
		conn, err := listener.Accept()
		must(err)
		go echo(conn.(*net.TCPConn))
	}
}

func serve(address, echoAddress, file string) {
	go serveEcho(echoAddress)
	http.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, file) // sendfile()
	})
	http.HandleFunc("/sum", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, sum(r.Body))
	})
	must(http.ListenAndServe(address, nil))
}

func get(client *http.Client, url string) string {
	answer, err := client.Get(url)
	must(err)
	defer answer.Body.Close()
	return sum(answer.Body)
}

func post(client *http.Client, url, name string) string {
	file, err := os.Open(name)
	must(err)
	defer file.Close()
	info, err := file.Stat()
	must(err)
	request, err := http.NewRequest("POST", url, file)
	must(err)
	request.ContentLength = info.Size()
	answer, err := client.Do(request) // sendfile() here too
	must(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	must(err)
	return string(body)
}

// One connection; parts of the file, one after the other.
func keepAlive(url, name string, seed int64, done *sync.WaitGroup) {
	defer done.Done()
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	file, err := os.Open(name)
	must(err)
	defer file.Close()
	info, err := file.Stat()
	must(err)
	for i := int64(0); i < rounds; i++ {
		at := (seed*rounds + i) * 7919 * part % (info.Size() - part)
		request, err := http.NewRequest("GET", url, nil)
		must(err)
		request.Header.Set("Range",
			fmt.Sprintf("bytes=%d-%d", at, at+part-1))
		answer, err := client.Do(request)
		must(err)
		body, err := io.ReadAll(answer.Body)
		must(err)
		answer.Body.Close()
		expected := make([]byte, part)
		_, err = file.ReadAt(expected, at)
		must(err)
		if !bytes.Equal(body, expected) {
			log.Fatal("error: wrong part")
		}
	}
	client.CloseIdleConnections()
}

// A deadline that passes must leave the connection as it was.
func deadlines(conn *net.TCPConn) {
	var none [1]byte

	for i := 0; i < 3; i++ {
		must(conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)))
		_, err := conn.Read(none[:])
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			log.Fatal("error: no deadline, but: ", err)
		}
	}
	must(conn.SetReadDeadline(time.Now().Add(patience)))
	must(conn.SetWriteDeadline(time.Now().Add(patience)))
}

func through(address, name string) string {
	dialed, err := net.Dial("tcp", address)
	must(err)
	conn := dialed.(*net.TCPConn)
	deadlines(conn)
	sent := make(chan bool)
	go func() {
		file, err := os.Open(name)
		must(err)
		defer file.Close()
		_, err = conn.ReadFrom(file)
		must(err)
		must(conn.CloseWrite())
		sent <- true
	}()
	result := sum(conn)
	<-sent
	must(conn.Close())
	return result
}

func main() {
	log.SetFlags(0)
	port, err := strconv.Atoi(os.Args[3])
	must(err)
	address := net.JoinHostPort(os.Args[2], os.Args[3])
	echoAddress := net.JoinHostPort(os.Args[2], strconv.Itoa(port+1))
	file := os.Args[4]
	if os.Args[1] == "server" {
		serve(address, echoAddress, file)
	}

	clients, err := strconv.ParseInt(os.Args[5], 10, 64)
	must(err)
	expected, base := sumOfFile(file), "http://"+address
	client := &http.Client{Timeout: patience}
	for what, is := range map[string]string{
		"download": get(client, base+"/file"),
		"upload":   post(client, base+"/sum", file),
		"echo":     through(echoAddress, file),
	} {
		if is != expected {
			log.Fatal("error: wrong data: ", what)
		}
	}
	client.CloseIdleConnections()
	var done sync.WaitGroup
	for i := int64(0); i < clients; i++ {
		done.Add(1)
		go keepAlive(base+"/file", file, i, &done)
	}
	done.Wait()
}
