// One HTTP GET over libcurl, its redirects judged hop by hop.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace pc::fetch {

struct HttpRequest {
  std::string url;
  std::string authorization;  // value of that header, for the url's own host alone; empty: none
  int64_t from = 0;           // the first byte wanted; 0: the whole file, without a Range
  std::string if_range;       // the validator that goes with a Range
};

struct HttpHead {
  int status = 0;           // 0: no answer
  int64_t length = -1;      // bytes of the body; -1: not said
  int64_t retry_after = 0;  // seconds
  std::string etag, last_modified, content_range;
};

// Takes the final answer as it arrives. What its functions throw comes out of the transport.
struct HttpReceiver {
  std::function<bool(const HttpHead&)> head;                // once, before the body; false: no body wanted
  std::function<bool(const char* data, std::size_t)> body;  // a piece of it; false: enough
  std::function<bool()> stop;                               // asked about once a second; true ends the transfer
};

enum class HttpEnd {
  complete,  // as long as it said it would be
  cut,       // the receiver did not want the rest
  broken,    // lost or stalled on the way, or no HTTP: worth another try
  offline,   // no connection: name not found, or refused
  refused  // by us, and another try would end the same: certificate, redirects, or the proxy (head.status 407 where it
           // wants a password)
};

struct HttpAnswer {
  HttpEnd end = HttpEnd::complete;
  HttpHead head;
  std::string problem;  // for broken, offline and refused: what went wrong, without addresses or headers
};

using Transport = std::function<HttpAnswer(const HttpRequest&, const HttpReceiver&)>;

// What counts as stalled. Seconds and bytes per second.
struct HttpPatience {
  int connect = 30, stall = 30, slowest = 1024;
};

// Follows up to five redirects, never from https to http; the authorization stays with the first host. TLS 1.2 or
// newer, certificates checked against the system's store, $CURL_CA_BUNDLE, $SSL_CERT_FILE or $SSL_CERT_DIR; proxies as
// libcurl reads them from https_proxy, all_proxy and no_proxy. One thread at a time.
Transport http_transport(const HttpPatience& patience = {});

// Why this address is not fetched: neither https nor http to a loopback address, or a name or password within. Empty:
// it is.
std::string url_objection(const std::string& url);

}  // namespace pc::fetch
