// A test against `mailbearer mock` with Go's standard library alone; the settings come from the environment, as it prints
// them. `go run client.go`.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
)

func main() {
	env := os.Getenv
	pem, err := os.ReadFile(env("MAILBEARER_TLS_CA_FILE"))
	check(err)
	anchors := x509.NewCertPool()
	anchors.AppendCertsFromPEM(pem)
	trust := &tls.Config{RootCAs: anchors, ServerName: "localhost"}

	// A token, by client credentials.
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: trust}}
	answer, err := client.PostForm(env("MAILBEARER_OAUTH_TOKEN_URL"), url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {env("MAILBEARER_OAUTH_CLIENT_ID")},
		"client_secret": {env("MAILBEARER_OAUTH_CLIENT_SECRET")},
		"scope":         {env("MAILBEARER_OAUTH_SCOPE")},
	})
	check(err)
	defer answer.Body.Close()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	check(json.NewDecoder(answer.Body).Decode(&token))

	// What the test wants to find is put there by the control port.
	message := strings.NewReader("Subject: hello\r\n\r\nworld\r\n")
	_, err = http.Post(env("MOCK_CONTROL_URL")+"/deliver", "message/rfc822", message)
	check(err)

	// IMAP by hand: a client of your own stands here.
	imap, err := tls.Dial("tcp", env("MAILBEARER_IMAP_HOST")+":"+env("MAILBEARER_IMAP_PORT"), trust)
	check(err)
	defer imap.Close()
	lines := bufio.NewScanner(imap)
	lines.Scan()
	response := fmt.Sprintf("user=%s\x01auth=Bearer %s\x01\x01", env("MAILBEARER_USER"), token.AccessToken)
	say := func(tag, command string) (untagged []string) {
		fmt.Fprintf(imap, "%s %s\r\n", tag, command)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), tag+" OK") {
				return untagged
			}
			if strings.HasPrefix(lines.Text(), tag+" ") {
				log.Fatal(lines.Text())
			}
			untagged = append(untagged, lines.Text())
		}
		log.Fatal("the server closed")
		return nil
	}
	say("a", "AUTHENTICATE XOAUTH2 "+base64.StdEncoding.EncodeToString([]byte(response)))
	say("b", "EXAMINE INBOX")
	found := say("c", "SEARCH SUBJECT hello")
	if len(found) != 1 || !strings.HasPrefix(found[0], "* SEARCH 1") {
		log.Fatal(found)
	}
	say("d", "LOGOUT")
	fmt.Println("ok")
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
