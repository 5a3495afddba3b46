#include "tools/serve/answering.h"

#include <new>
#include <optional>
#include <utility>

#include "kernels/base/error.h"

namespace pc {
namespace {

// 4xx where the error's code says that the input was bad.
int status_of_throw(const Error& error) {
  return error.code() == Exit::usage || error.code() == Exit::data || error.code() == Exit::limit ? 400 : 500;
}

}  // namespace

void guarded_call(const Respond& respond, const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    if (status_of_throw(error) == 500) kLog.line(error.what());
    respond(refusal(status_of_throw(error), error.what()));
  } catch (const std::bad_alloc&) {
    respond(busy("out of memory for the request; try again"));
  } catch (const std::exception& error) {
    kLog.line(std::string("internal error: ") + error.what());
    respond(refusal(500, "internal error"));
  }
}

AnsweredSink answering(Respond respond, std::function<Response(std::vector<Answered>&)> compose) {
  return [respond = std::move(respond), compose = std::move(compose)](std::vector<Answered>& answers) {
    std::optional<Response> response;
    guarded_call(respond, [&] { response = compose(answers); });
    if (response) respond(std::move(*response));
  };
}

}  // namespace pc
