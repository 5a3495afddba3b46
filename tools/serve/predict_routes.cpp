#include "tools/serve/predict_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <utility>

#include "data/decode.h"
#include "data/image_format.h"
#include "data/jpeg.h"
#include "kernels/base/base64.h"
#include "kernels/base/file.h"
#include "kernels/base/text.h"
#include "tools/cli/json.h"
#include "tools/html/html.h"
#include "tools/serve/answering.h"
#include "tools/serve/infer_response.h"
#include "tools/serve/multipart.h"
#include "tools/serve/query.h"

namespace pc::serve {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kMaxPictures = 64;     // of one request
constexpr std::size_t kMaxThumbnails = 100;  // of similar products, of one request

std::string text_of(const ordered_json& json) { return cli::one_line(json) + "\n"; }

// The turn of a request: its pixels count, and a million more for what each picture takes of the network, and for each
// thumbnail.
Turn turn_of(const Request& request, const std::vector<int64_t>& pixels, std::size_t thumbnails = 0) {
  constexpr int64_t kEach = 1'000'000;
  const int64_t each = int64_t(pixels.size() + thumbnails) * kEach;
  return Turn::of(request.arrived, std::accumulate(pixels.begin(), pixels.end(), each));
}

constexpr const char* kQueueFull = "the queue is full; try again";

// For a request that fails with its picture.
int http_status(Exit code) {
  switch (code) {
    case Exit::ok:
      return 200;
    case Exit::data:
    case Exit::limit:
      return 422;
    case Exit::stopped:
      return 504;
    default:
      return 500;
  }
}

// A similar product's picture as the index names it, small; "" where it is no longer there. Clients name no path.
std::string thumbnail_url(const std::string& file, data::DecodeSettings settings) {
  settings.max_pixels = std::min(settings.max_pixels, kMaxPixels);
  try {
    const std::string bytes = read_file(file);
    const data::Image image = data::decode_web_image(std::as_bytes(std::span(bytes)), file, settings);
    return "data:image/jpeg;base64," + to_base64(encode_jpeg(html::thumbnail(image), {.quality = 80}));
  } catch (const Error&) {
    return "";
  }
}

ordered_json to_json(const std::string& file, Answered& answered, const ServedModel& model, const PredictQuery& query) {
  const ModelInfo& info = model.predictor.info();
  predict::Outcome& outcome = answered.inference.outcome;
  if (query.style.similar > 0 && outcome.code == Exit::ok)
    outcome.similar = model.index->nearest(outcome.embedding, query.style.similar);
  ordered_json json = to_json(file, outcome, info, query.style);
  for (std::size_t i = 0; query.explain && i < outcome.similar.size(); ++i)
    if (const std::string url = thumbnail_url(outcome.similar[i].file, model.predictor.decoding()); !url.empty())
      json["similar"][i]["picture"] = url;
  for (std::size_t h = 0; h < answered.inference.heats.size(); ++h) {
    const predict::Heat& heat = answered.inference.heats[h];
    json["explain"][info.heads[h].name] =
        "data:image/jpeg;base64," + to_base64(encode_jpeg(predict::overlay(answered.view, heat), {.quality = 80}));
  }
  return json;
}

// The JSON of the body, and the binary tensors that follow it.
std::pair<std::string_view, std::string_view> parts_of(const Request& request) {
  const std::string_view body = request.body, length = request.field(kJsonLength);
  const auto is_length = [](const auto& field) { return equal_ignoring_case(field.first, kJsonLength); };
  if (std::none_of(request.fields.begin(), request.fields.end(), is_length)) return {body, ""};  // empty is not absent
  std::size_t size = 0;
  const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), size);
  if (error != std::errc() || end != length.data() + length.size() || size > body.size())
    fail(Exit::data, fmt::format("{}: \"{}\" is not a number of bytes of this body", kJsonLength, length));
  return {body.substr(0, size), body.substr(size)};
}

}  // namespace

void answer_predict(Call& call, const PredictPipeline& pipeline) {
  Request& request = call.request;
  const auto served = call.model;
  const ModelInfo& info = served->predictor.info();
  const PredictQuery query = parse_query(request.query, info, served->index != nullptr);
  const std::string type(request.field("Content-Type"));
  const auto body = std::make_shared<const std::string>(std::move(request.body));
  const bool form = equal_ignoring_case(std::string_view(type).substr(0, type.find(';')), "multipart/form-data");
  const std::vector<FormFile> files =
      form ? form_files(type, *body, kMaxPictures) : std::vector<FormFile>{{.name = "picture", .bytes = *body}};
  if (files.empty()) fail(Exit::data, "the form has no file");
  if (body->empty()) fail(Exit::data, "the body is empty");
  const std::size_t thumbnails = query.explain ? files.size() * std::size_t(query.style.similar) : 0;
  if (thumbnails > kMaxThumbnails)
    fail(Exit::usage, fmt::format("explain and similar: {} images of similar products, at most {} go in one answer",
                                  thumbnails, kMaxThumbnails));
  std::vector<Picture> pictures;
  for (const FormFile& file : files)
    pictures.push_back(
        web_picture(std::as_bytes(std::span(file.bytes)), file.name, served->predictor.decoding(), body));
  limit_pixels(pictures);
  const std::vector<int64_t> pixels = pixels_of(pictures);
  auto places = pipeline.batcher.admit(pixels);
  if (places.empty()) return call.respond(busy(kQueueFull));

  const int bad = !form && !data::is_web_image(data::sniff(std::as_bytes(std::span(*body)))) ? 415 : 422;
  const Turn turn = turn_of(request, pixels, thumbnails);
  predict(served, std::move(pictures), std::move(places), query.explain, turn, pipeline.batcher, pipeline.workers,
          answering(call.respond, [=](std::vector<Answered>& answers) {
            ordered_json all{{"pictures", ordered_json::array()}};
            for (std::size_t i = 0; i < answers.size(); ++i) {
              const predict::Outcome& outcome = answers[i].inference.outcome;
              pipeline.metrics.picture(predict::status_of(outcome.code));
              const int status = http_status(outcome.code);
              if (status != 200 && (!form || status >= 500))
                return refusal(status == 422 ? bad : status, outcome.error);
              if (pipeline.batcher.late(turn.arrived)) return refusal(504, kTooLate);
              all["pictures"].push_back(to_json(files[i].name, answers[i], *served, query));
            }
            return Response{.body = text_of(form ? all : all["pictures"][0])};
          }));
}

void answer_infer(Call& call, const PredictPipeline& pipeline) {
  const auto served = call.model;
  const auto [json, binary] = parts_of(call.request);
  const auto parsed = std::make_shared<const InferRequest>(parse_infer_request(json, kMaxPictures, binary));
  check_outputs(*parsed, served->predictor.info());
  std::vector<Picture> pictures;
  for (const data::Image& image : parsed->images)
    pictures.push_back(
        {.name = "inputs[].data", .pixels = int64_t(image.h) * image.w, .decode = [parsed, &image] { return image; }});
  for (std::size_t i = 0; i < parsed->files.size(); ++i)
    pictures.push_back(
        web_picture(parsed->files[i], fmt::format("inputs[].data[{}]", i), served->predictor.decoding(), parsed));
  limit_pixels(pictures);
  const std::vector<int64_t> pixels = pixels_of(pictures);
  auto places = pipeline.batcher.admit(pixels);
  if (places.empty()) return call.respond(busy(kQueueFull));
  predict(served, std::move(pictures), std::move(places), false, turn_of(call.request, pixels), pipeline.batcher,
          pipeline.workers, answering(call.respond, [=](std::vector<Answered>& answers) {
            for (const Answered& answered : answers) {
              const predict::Outcome& outcome = answered.inference.outcome;
              pipeline.metrics.picture(predict::status_of(outcome.code));
              if (outcome.code != Exit::ok) return refusal(http_status(outcome.code), outcome.error);
            }
            return infer_response(*parsed, answers, *served);
          }));
}

}  // namespace pc::serve
