#include "tools/fetch/http_client.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fmt/format.h>

#include <csignal>
#include <exception>
#include <memory>

#include "kernels/base/error.h"
#include "kernels/base/system.h"
#include "kernels/base/text.h"

namespace pc::fetch {
namespace {

constexpr int kMaxRedirects = 5;

using UrlHandle = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

UrlHandle parse_url(const std::string& text) {
  UrlHandle url(curl_url(), curl_url_cleanup);
  if (url && curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) url.reset();
  return url;
}

std::string part_of(const UrlHandle& url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (!url || curl_url_get(url.get(), part, &text, flags) != CURLUE_OK) return "";
  const std::string result = text;
  curl_free(text);
  return result;
}

bool is_loopback(const std::string& host) {
  in_addr address{};
  if (::inet_pton(AF_INET, host.c_str(), &address) == 1) return ntohl(address.s_addr) >> 24 == 127;
  return host == "localhost" || host == "[::1]";  // libcurl resolves localhost itself, to nothing but the loopback
}

std::string origin(const std::string& text) {
  const UrlHandle url = parse_url(text);
  return part_of(url, CURLUPART_SCHEME) + "://" + part_of(url, CURLUPART_HOST) + ":" +
         part_of(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

// A Location may be relative.
std::string resolve(const std::string& base, const std::string& location) {
  const UrlHandle url = parse_url(base);
  if (curl_url_set(url.get(), CURLUPART_URL, location.c_str(), 0) != CURLUE_OK) return "";
  return part_of(url, CURLUPART_URL);
}

// One request, and what libcurl's callbacks need of it. Exceptions must not cross libcurl, so they wait here.
struct Hop {
  CURL* curl;
  const HttpReceiver* receiver;
  HttpHead head = {};
  std::string location;
  bool seen_head = false, wanted = false;
  std::exception_ptr thrown = nullptr;

  std::string header(const char* name) const {
    curl_header* h = nullptr;
    return curl_easy_header(curl, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK ? h->value : "";
  }

  void read_head() {
    if (seen_head) return;
    seen_head = true;
    long status = 0;
    curl_off_t length = -1, retry_after = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
    head = {.status = int(status),
            .length = length,
            .retry_after = retry_after,
            .etag = header("ETag"),
            .last_modified = header("Last-Modified"),
            .content_range = header("Content-Range")};
    const bool redirects = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    if (redirects) location = header("Location");
    wanted = location.empty() && status != 0 && receiver->head(head);
  }

  void take(const char* data, std::size_t bytes) {
    read_head();
    wanted = wanted && receiver->body(data, bytes);
  }
};

std::size_t on_body(char* data, std::size_t, std::size_t bytes, void* user) {
  Hop& hop = *static_cast<Hop*>(user);
  try {
    hop.take(data, bytes);
  } catch (...) {
    hop.thrown = std::current_exception();
  }
  return hop.wanted && !hop.thrown ? bytes : 0;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Hop*>(user)->receiver->stop() ? 1 : 0;
}

HttpEnd end_of(CURLcode code) {
  switch (code) {
    case CURLE_OK:
      return HttpEnd::complete;
    case CURLE_WRITE_ERROR:
    case CURLE_ABORTED_BY_CALLBACK:
      return HttpEnd::cut;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
      return HttpEnd::offline;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return HttpEnd::refused;
    default:
      return HttpEnd::broken;
  }
}

class HttpClient {
 public:
  explicit HttpClient(const HttpPatience& patience) : patience_(patience) {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to connections that the other side has closed
    if (ready == CURLE_OK) curl_.reset(curl_easy_init());
    if (!curl_) fail(Exit::network, "libcurl cannot start");
  }

  HttpAnswer get(const HttpRequest& request, const HttpReceiver& receiver) {
    std::string url = request.url, authorization = request.authorization;
    for (int hops = 0; hops <= kMaxRedirects; ++hops) {
      Hop hop{.curl = curl_.get(), .receiver = &receiver};
      const HttpAnswer answer = one_hop(hop, url, authorization, request);
      if (hop.location.empty()) return answer;
      const std::string next = resolve(url, hop.location);
      const std::string objection = next.empty() ? "no address" : url_objection(next);
      if (!objection.empty()) return refusal("the server redirects to an address that is not followed: " + objection);
      if (url.starts_with("https:") && !next.starts_with("https:"))
        return refusal("the server redirects from https to plain http");
      if (origin(next) != origin(url)) authorization.clear();
      url = next;
    }
    return refusal(fmt::format("more than {} redirects", kMaxRedirects));
  }

 private:
  static HttpAnswer refusal(const std::string& why) { return {.end = HttpEnd::refused, .head = {}, .problem = why}; }

  HttpAnswer one_hop(Hop& hop, const std::string& url, const std::string& authorization, const HttpRequest& request) {
    char text[CURL_ERROR_SIZE] = "";
    curl_slist* list = nullptr;
    const auto add = [&](const std::string& line) { list = curl_slist_append(list, line.c_str()); };
    if (!authorization.empty()) add("Authorization: " + authorization);
    if (request.from > 0) add(fmt::format("Range: bytes={}-", request.from));
    if (request.from > 0 && !request.if_range.empty()) add("If-Range: " + request.if_range);
    const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(list, curl_slist_free_all);
    set_options(url, headers.get(), hop, text);
    const CURLcode code = curl_easy_perform(curl_.get());
    curl_easy_setopt(curl_.get(), CURLOPT_ERRORBUFFER, nullptr);
    if (hop.thrown) std::rethrow_exception(hop.thrown);
    if (code == CURLE_OK) hop.read_head();  // an answer without a body
    long proxy_status = 0;
    curl_easy_getinfo(curl_.get(), CURLINFO_HTTP_CONNECTCODE, &proxy_status);
    if (code != CURLE_OK && proxy_status >= 400 && proxy_status < 500) {
      HttpAnswer answer = refusal(fmt::format("the proxy answers {}", proxy_status));
      if (proxy_status == 407) answer.head.status = 407;
      return answer;
    }
    return {.end = end_of(code), .head = hop.head, .problem = printable(*text ? text : curl_easy_strerror(code))};
  }

  void set_options(const std::string& url, curl_slist* headers, Hop& hop, char* text) {
    CURL* c = curl_.get();
    curl_easy_reset(c);  // connections and TLS sessions stay
    const bool plain = url.starts_with("http:");
    curl_easy_setopt(c, CURLOPT_URL, url.c_str());
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, plain ? "http" : "https");
    curl_easy_setopt(c, CURLOPT_SSLVERSION, long(CURL_SSLVERSION_TLSv1_2));
    if (plain) curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
    const std::string bundle = environment("CURL_CA_BUNDLE"), folder = environment("SSL_CERT_DIR");
    const std::string file = bundle.empty() ? environment("SSL_CERT_FILE") : bundle;
    if (!file.empty()) curl_easy_setopt(c, CURLOPT_CAINFO, file.c_str());
    if (!folder.empty()) curl_easy_setopt(c, CURLOPT_CAPATH, folder.c_str());
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "pcdata");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 256L << 10);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, long(patience_.connect));
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, long(patience_.stall));
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, long(patience_.slowest));
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, text);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &hop);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, &hop);
  }

  HttpPatience patience_;
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl_{nullptr, curl_easy_cleanup};
};

}  // namespace

Transport http_transport(const HttpPatience& patience) {
  return [client = std::make_shared<HttpClient>(patience)](const HttpRequest& request, const HttpReceiver& receiver) {
    return client->get(request, receiver);
  };
}

std::string url_objection(const std::string& text) {
  const UrlHandle url = parse_url(text);
  if (!url) return "not a web address";
  if (!part_of(url, CURLUPART_USER).empty() || !part_of(url, CURLUPART_PASSWORD).empty())
    return "a name or password within the address";
  const std::string scheme = part_of(url, CURLUPART_SCHEME);
  if (scheme == "https" || (scheme == "http" && is_loopback(part_of(url, CURLUPART_HOST)))) return "";
  return "neither https nor http to this machine itself";
}

}  // namespace pc::fetch
