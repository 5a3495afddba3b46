#include "tools/serve/infer_response.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <variant>

#include "kernels/base/error.h"
#include "tools/cli/json.h"
#include "tools/predict/answer.h"

namespace pc::serve {
namespace {

using nlohmann::ordered_json;

struct OutputTensor {
  TensorInfo info;
  std::variant<std::vector<float>, std::vector<double>, std::vector<std::string>> values;
};

// The tensors of a head, as output_tensors() lists them, with the values of every image.
void add_head(std::vector<OutputTensor>& all, const ModelInfo& info, std::size_t h,
              const std::vector<Answered>& answers) {
  std::vector<float> logits;
  std::vector<std::string> labels;
  std::vector<double> p;
  for (const Answered& answered : answers) {
    const predict::Logits& heads = answered.inference.outcome.logits;
    const predict::Named named = predict::named_labels(info, heads, predict::AnswerStyle().accept_at)[h];
    logits.insert(logits.end(), heads[h].begin(), heads[h].end());
    labels.push_back(named.label < 0 ? "" : info.heads[h].labels[std::size_t(named.label)]);
    p.push_back(named.p);
  }
  all[3 * h].values = std::move(logits), all[3 * h + 1].values = std::move(labels),
          all[3 * h + 2].values = std::move(p);
}

std::vector<OutputTensor> outputs_of(const std::vector<Answered>& answers, const ModelInfo& info) {
  std::vector<OutputTensor> all;
  for (TensorInfo& tensor : output_tensors(info)) {
    tensor.shape[0] = int64_t(answers.size());
    all.push_back({.info = std::move(tensor), .values = {}});
  }
  for (std::size_t h = 0; h < info.heads.size(); ++h) add_head(all, info, h, answers);
  return all;
}

template <class T>
std::string bytes_of(const std::vector<T>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(T)};
}

// Each text after its length in four bytes, the lowest first.
std::string bytes_of(const std::vector<std::string>& texts) {
  std::string bytes;
  for (const std::string& text : texts) {
    const auto size = uint32_t(text.size());
    bytes.append(reinterpret_cast<const char*>(&size), sizeof size) += text;
  }
  return bytes;
}

}  // namespace

std::vector<TensorInfo> output_tensors(const ModelInfo& info) {
  std::vector<TensorInfo> all;
  for (const Head& head : info.heads) {
    all.push_back({head.name, "FP32", {-1, int64_t(head.labels.size())}});
    all.push_back({head.name + ".label", "BYTES", {-1}});
    all.push_back({head.name + ".p", "FP64", {-1}});
  }
  return all;
}

void check_outputs(const InferRequest& request, const ModelInfo& info) {
  const std::vector<TensorInfo> known = output_tensors(info);
  for (const RequestedOutput& output : request.outputs)
    if (std::none_of(known.begin(), known.end(), [&](const TensorInfo& t) { return t.name == output.name; }))
      fail(Exit::data, fmt::format("outputs: the model has no \"{}\"", output.name));
}

Response infer_response(const InferRequest& request, const std::vector<Answered>& answers, const ServedModel& model) {
  const std::vector<OutputTensor> outputs = outputs_of(answers, model.predictor.info());
  std::vector<RequestedOutput> wanted = request.outputs;
  if (wanted.empty())
    for (const OutputTensor& output : outputs) wanted.push_back({.name = output.info.name});

  ordered_json json{{"model_name", model.name}, {"model_version", "1"}};
  if (!request.id.empty()) json["id"] = request.id;
  json["outputs"] = ordered_json::array();
  std::string binary;
  bool any_binary = false;
  for (const RequestedOutput& want : wanted) {
    const OutputTensor& output =
        *std::find_if(outputs.begin(), outputs.end(), [&](const OutputTensor& o) { return o.info.name == want.name; });
    ordered_json one{{"name", want.name}, {"datatype", output.info.type}, {"shape", output.info.shape}};
    if (want.binary.value_or(request.binary_outputs)) {
      const std::string bytes = std::visit([](const auto& values) { return bytes_of(values); }, output.values);
      one["parameters"] = {{"binary_data_size", bytes.size()}};
      binary += bytes;
      any_binary = true;
    } else {
      one["data"] = std::visit([](const auto& values) { return ordered_json(values); }, output.values);
    }
    json["outputs"].push_back(std::move(one));
  }
  Response response{.body = cli::one_line(json) + "\n"};
  if (any_binary) {
    response.type = "application/octet-stream";
    response.fields.emplace_back(kJsonLength, std::to_string(response.body.size()));
    response.body += binary;
  }
  return response;
}

}  // namespace pc::serve
