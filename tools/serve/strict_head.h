// The head of a request, stricter than HTTP has to be: what two readers could take in two ways is refused.
#pragma once

#include <string_view>

namespace pc::serve {

// Why this head (request line and fields up to and with the empty line) is refused, or "". Wants: CRLF at every line's
// end, no other control character but tabs; METHOD /path HTTP/1.0 or 1.1; fields "name: value" without folded lines;
// one Host (HTTP/1.0: or none); Content-Length once and of digits, Transfer-Encoding once and "chunked", never both; a body only with POST,
// PUT and PATCH.
std::string_view head_fault(std::string_view head);

// The same for bytes that may not hold the whole head yet: a fault that no further byte can heal, or "".
std::string_view early_fault(std::string_view bytes);

}  // namespace pc::serve
