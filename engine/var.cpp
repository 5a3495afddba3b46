#include "engine/var.h"

#include <fmt/format.h>

#include <atomic>
#include <map>
#include <utility>

#include "kernels/add/add.h"
#include "kernels/base/error.h"
#include "kernels/cast/cast.h"

namespace pc {
namespace {

thread_local bool recording = true;
std::atomic<uint64_t> created{0};

// gradient += term. A gradient may share memory with another one if a rule returned it twice; it is copied before a
// write.
void add_gradient(Tensor& gradient, Tensor term) {
  if (gradient.empty()) {
    gradient = std::move(term);
    return;
  }
  if (!gradient.unique()) gradient = gradient.clone();
  PC_KERNELS(add, gradient.device()).accumulate(gradient.size(), gradient.dtype(), term.data(), gradient.data());
}

std::string describe(const Tensor& t) { return fmt::format("{} {}", name_of(t.dtype()), to_string(t.shape())); }

}  // namespace

struct Var::Node {
  Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node();
  Tensor value, low, grad;
  const char* op = nullptr;  // none: a leaf
  bool requires_grad = false, walked = false;
  uint64_t number = ++created;
  std::vector<Var> inputs;
  Backward rule;
};

// A node may hold the last reference to older nodes. Freeing them recursively would take one stack frame per op of a
// chain, so the outermost destructor on a thread frees the nodes of all inner ones.
Var::Node::~Node() {
  using Held = std::pair<std::vector<Var>, Backward>;
  thread_local std::vector<Held>* pending = nullptr;
  if (inputs.empty() && !rule) return;
  if (pending) {
    pending->emplace_back(std::move(inputs), std::move(rule));
    return;
  }
  std::vector<Held> mine;
  pending = &mine;
  mine.emplace_back(std::move(inputs), std::move(rule));
  while (!mine.empty()) {
    const Held last = std::move(mine.back());
    mine.pop_back();
  }
  pending = nullptr;
}

Var::Var(Tensor value, bool requires_grad) : node_(std::make_shared<Node>()) {
  node_->value = std::move(value);
  node_->requires_grad = requires_grad;
}

Var Var::record(const char* op, Tensor y, std::vector<Var> inputs, Backward rule) {
  Var result(std::move(y));
  if (!recording) return result;
  for (const Var& input : inputs) result.node_->requires_grad |= !input.empty() && input.requires_grad();
  if (!result.requires_grad()) return result;
  result.node_->op = op;
  result.node_->inputs = std::move(inputs);
  result.node_->rule = std::move(rule);
  return result;
}

const Tensor& Var::value() const {
  if (!node_) fail_shape("Var: used before it has a value");
  return node_->value;
}

bool Var::requires_grad() const { return node_ && node_->requires_grad; }
void Var::set_requires_grad(bool on) { node_->requires_grad = on; }

void Var::set_value(Tensor value) {
  node_->value = std::move(value);
  node_->low = {};
}

Tensor Var::as(DType dtype) const {
  const Tensor& x = value();
  if (x.dtype() == dtype) return x;
  if (node_->low.empty() || node_->low.dtype() != dtype) {
    Tensor low(x.shape(), dtype, x.device());
    PC_KERNELS(cast, x.device()).forward(x.size(), x.dtype(), x.data(), dtype, low.data());
    node_->low = low;
  }
  return node_->low;
}

Tensor Var::take_partial_grad() const { return node_->grad.unique() ? std::exchange(node_->grad, {}) : Tensor(); }
Tensor Var::low() const { return node_->low; }
const Tensor& Var::grad() const { return node_->grad; }
void Var::clear_grad() { node_->grad = {}; }

void Var::backward() { pc::backward({*this}, std::vector<float>{1}); }

void backward(const std::vector<Var>& losses, const std::vector<float>& seeds) {
  std::vector<Tensor> scalars;
  for (std::size_t i = 0; i < losses.size(); ++i)
    scalars.push_back(Tensor::full({}, seeds.at(i), losses[i].value().device()));
  backward(losses, scalars);
}

void backward(const std::vector<Var>& losses, const std::vector<Tensor>& seeds) {
  using Node = Var::Node;
  // Newest first: a value is older than everything made from it, so its gradient is complete when it is processed.
  std::map<uint64_t, std::shared_ptr<Node>, std::greater<>> todo;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    if (losses[i].value().size() != 1) fail_shape("backward: starts from scalars, got " + to_string(losses[i].shape()));
    if (!losses[i].requires_grad()) fail_shape("backward: nothing that led to this value requires a gradient");
    auto& root = losses[i].node_;
    add_gradient(root->grad, seeds.at(i).reshape(root->value.shape()));
    todo.emplace(root->number, root);
  }
  while (!todo.empty()) {
    const auto node = todo.begin()->second;
    todo.erase(todo.begin());
    if (node->walked) fail_shape("backward: an earlier backward() freed these records; give it all losses in one call");
    if (!node->rule) continue;  // a leaf keeps its gradient
    std::vector<Tensor> gradients = node->rule(node->grad);
    if (gradients.size() != node->inputs.size())
      fail_shape(fmt::format("backward: {} has {} inputs, its rule returned {} gradients", node->op,
                             node->inputs.size(), gradients.size()));
    node->rule = nullptr;
    node->walked = true;
    node->grad = {};
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      auto& input = node->inputs[i].node_;
      if (!input || !input->requires_grad || gradients[i].empty()) continue;
      if (gradients[i].shape() != input->value.shape() || gradients[i].dtype() != input->value.dtype())
        fail_shape(fmt::format("backward: {} gives the gradient {} for a value {}", node->op, describe(gradients[i]),
                               describe(input->value)));
      add_gradient(input->grad, std::move(gradients[i]));
      todo.emplace(input->number, input);
    }
    node->inputs.clear();
  }
}

std::vector<Record> records(const std::vector<Var>& results) {
  std::map<uint64_t, const Var::Node*> found;
  std::vector<const Var*> todo;
  for (const Var& result : results) todo.push_back(&result);
  while (!todo.empty()) {
    const Var::Node* node = todo.back()->node_.get();
    todo.pop_back();
    if (!node || !node->op || !found.emplace(node->number, node).second) continue;
    for (const Var& input : node->inputs) todo.push_back(&input);
  }
  std::vector<Record> all;
  for (const auto& [number, node] : found) all.push_back({node->op, node->value.shape(), node->value.dtype()});
  return all;
}

NoGrad::NoGrad() : before_(recording) { recording = false; }
NoGrad::~NoGrad() { recording = before_; }

}  // namespace pc
