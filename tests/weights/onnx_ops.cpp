#include "tests/weights/onnx_ops.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <stdexcept>

namespace pc::test {

void require(bool good, const std::string& what) {
  if (!good) throw std::runtime_error(what);
}

int64_t count(const Dims& dims) { return std::accumulate(dims.begin(), dims.end(), int64_t(1), std::multiplies()); }

OnnxNode::OnnxNode(const WireMessage& proto) : op(proto.text(4)) {
  for (const auto name : proto.all(1)) inputs.emplace_back(name);
  for (const auto name : proto.all(2)) outputs.emplace_back(name);
  for (const auto bytes : proto.all(5)) {
    const WireMessage a(bytes);
    constexpr int64_t kInt = 2, kInts = 7;  // AttributeProto.AttributeType
    const int64_t type = a.integer(20);
    require(type == kInt || type == kInts, op + " has an attribute of type " + std::to_string(type));
    attributes_[a.text(1)] = type == kInt ? Dims{a.integer(3)} : a.integers(8);
  }
}

int64_t OnnxNode::integer(const std::string& name, std::optional<int64_t> absent) {
  const Dims list = integers(name, absent ? Dims{*absent} : Dims{});
  require(list.size() == 1, op + " needs " + name);
  return list[0];
}

Dims OnnxNode::integers(const std::string& name, const Dims& absent) {
  const auto found = attributes_.find(name);
  if (found == attributes_.end()) return absent;
  const Dims list = found->second;
  attributes_.erase(found);
  return list;
}

void OnnxNode::all_taken() const {
  for (const auto& [name, value] : attributes_) require(false, op + " has the unknown attribute " + name);
}

namespace {

using Kind = OnnxKind;
using Value = OnnxValue;

// Numbers as a kind holds them: f32 rounds, integers truncate towards zero.
double as(Kind kind, double v) {
  if (kind == Kind::f32) return double(float(v));
  if (kind == Kind::boolean) return v != 0;
  return kind == Kind::f64 ? v : std::trunc(v);
}

Value made(Kind kind, Dims dims, double fill = 0) {
  const auto size = std::size_t(count(dims));
  return {kind, std::move(dims), std::vector<double>(size, fill)};
}

// --- Elements, with the broadcasting of NumPy ---

Dims broadcast(const Dims& a, const Dims& b) {
  Dims dims(std::max(a.size(), b.size()), 1);
  for (const Dims* d : {&a, &b})
    for (std::size_t i = 0; i < d->size(); ++i) {
      int64_t& size = dims[dims.size() - d->size() + i];
      require(size == 1 || (*d)[i] == 1 || size == (*d)[i], "shapes that do not broadcast");
      if ((*d)[i] != 1) size = (*d)[i];
    }
  return dims;
}

// Where element i of a tensor of `dims` lies in one of `own` that is broadcast to it.
std::size_t index_in(const Dims& own, const Dims& dims, int64_t i) {
  int64_t at = 0, step = 1;
  for (std::size_t d = dims.size(); d-- > 0; i /= dims[d]) {
    if (d + own.size() < dims.size()) continue;
    const int64_t size = own[d + own.size() - dims.size()];
    if (size != 1) at += i % dims[d] * step;
    step *= size;
  }
  return std::size_t(at);
}

template <class F>
Value binary(const Value& a, const Value& b, std::optional<Kind> kind, F f) {
  require(a.kind == b.kind, "operands of two types");
  Value y = made(kind.value_or(a.kind), broadcast(a.dims, b.dims));
  for (int64_t i = 0; i < count(y.dims); ++i)
    y.v[std::size_t(i)] = as(y.kind, f(a.v[index_in(a.dims, y.dims, i)], b.v[index_in(b.dims, y.dims, i)]));
  return y;
}

template <class F>
Value unary(const Value& x, F f) {
  Value y = x;
  for (double& v : y.v) v = as(y.kind, f(v));
  return y;
}

// --- Convolutions and pools ---

struct Window {
  int64_t kernel, stride, dilation, begin, end, out;  // begin, end: pads
};

// pads are [begin of each axis, then end of each axis]: top, left, bottom, right.
std::array<Window, 2> windows(OnnxNode& node, const Dims& x, Dims kernel, bool ceil_mode) {
  const Dims own = node.integers("kernel_shape", kernel), strides = node.integers("strides", {1, 1}),
             dilations = node.integers("dilations", {1, 1}), pads = node.integers("pads", {0, 0, 0, 0});
  require(x.size() == 4 && own.size() == 2 && strides.size() == 2 && dilations.size() == 2 && pads.size() == 4,
          node.op + " is not of two dimensions");
  require(kernel.empty() || own == kernel, "kernel_shape is not that of the filter");
  std::array<Window, 2> axes;
  for (std::size_t d = 0; d < 2; ++d) {
    Window& a = axes[d] = {own[d], strides[d], dilations[d], pads[d], pads[d + 2], 0};
    require(a.kernel > 0 && a.stride > 0 && a.dilation > 0 && a.begin >= 0 && a.end >= 0, "sizes below 1");
    const int64_t span = (a.kernel - 1) * a.dilation + 1, padded = x[d + 2] + a.begin + a.end;
    require(padded >= span, node.op + " has a window beyond its input");
    a.out = (padded - span + (ceil_mode ? a.stride - 1 : 0)) / a.stride + 1;
    if (ceil_mode && (a.out - 1) * a.stride >= x[d + 2] + a.begin) --a.out;  // none begins in the padding at the end
  }
  return axes;
}

// Calls f(index of the input, index in the window) for every place of the window at (p, q) that lies in the image.
template <class F>
void each_tap(const std::array<Window, 2>& axes, int64_t h, int64_t w, int64_t p, int64_t q, F f) {
  for (int64_t r = 0; r < axes[0].kernel; ++r)
    for (int64_t s = 0; s < axes[1].kernel; ++s) {
      const int64_t y = p * axes[0].stride - axes[0].begin + r * axes[0].dilation,
                    x = q * axes[1].stride - axes[1].begin + s * axes[1].dilation;
      if (y >= 0 && y < h && x >= 0 && x < w) f(y * w + x, r * axes[1].kernel + s);
    }
}

Value conv(OnnxNode& node, const Value& x, const Value& w, const Value* bias) {
  require(node.integer("group", 1) == 1 && w.dims.size() == 4 && x.dims.at(1) == w.dims[1], "a Conv with groups");
  const auto axes = windows(node, x.dims, {w.dims[2], w.dims[3]}, false);
  require(!bias || bias->dims == Dims{w.dims[0]}, "a bias of another size");
  const int64_t c = x.dims[1], k = w.dims[0], h = x.dims[2], width = x.dims[3], taps = w.dims[2] * w.dims[3];
  Value y = made(x.kind, {x.dims[0], k, axes[0].out, axes[1].out});
  double* out = y.v.data();
  for (int64_t n = 0; n < x.dims[0]; ++n)
    for (int64_t o = 0; o < k; ++o)
      for (int64_t p = 0; p < axes[0].out; ++p)
        for (int64_t q = 0; q < axes[1].out; ++q) {
          double sum = bias ? bias->v[std::size_t(o)] : 0;
          const double *image = x.v.data() + n * c * h * width, *filter = w.v.data() + o * c * taps;
          each_tap(axes, h, width, p, q, [&](int64_t in, int64_t tap) {
            for (int64_t i = 0; i < c; ++i) sum += image[i * h * width + in] * filter[i * taps + tap];
          });
          *out++ = as(y.kind, sum);
        }
  return y;
}

Value max_pool(OnnxNode& node, const Value& x) {
  const auto axes = windows(node, x.dims, {}, node.integer("ceil_mode", 0) != 0);
  const int64_t h = x.dims[2], w = x.dims[3];
  Value y = made(x.kind, {x.dims[0], x.dims[1], axes[0].out, axes[1].out}, -std::numeric_limits<double>::infinity());
  double* out = y.v.data();
  for (int64_t plane = 0; plane < x.dims[0] * x.dims[1]; ++plane)
    for (int64_t p = 0; p < axes[0].out; ++p)
      for (int64_t q = 0; q < axes[1].out; ++q, ++out)
        each_tap(axes, h, w, p, q,
                 [&](int64_t in, int64_t) { *out = std::max(*out, x.v[std::size_t(plane * h * w + in)]); });
  return y;
}

Value global_average_pool(const Value& x) {
  Value y = made(x.kind, {x.dims.at(0), x.dims.at(1), 1, 1});
  const std::size_t area = x.v.size() / y.v.size();
  for (std::size_t i = 0; i < y.v.size(); ++i)
    y.v[i] = as(y.kind, std::accumulate(&x.v[i * area], &x.v[i * area] + area, 0.0) / double(area));
  return y;
}

// --- Matrices and shapes ---

// [.., m, k] x [.., k, n], the leading dimensions broadcast.
Value mat_mul(const Value& a, const Value& b) {
  require(a.kind == b.kind && a.dims.size() >= 2 && b.dims.size() >= 2, "MatMul of vectors or of two types");
  const int64_t m = a.dims.end()[-2], inner = a.dims.back(), n = b.dims.back();
  require(b.dims.end()[-2] == inner, "a MatMul of " + fmt::format("{} and {}", a.dims, b.dims));
  const Dims a_batch(a.dims.begin(), a.dims.end() - 2), b_batch(b.dims.begin(), b.dims.end() - 2),
      batch = broadcast(a_batch, b_batch);
  Dims dims = batch;
  dims.push_back(m), dims.push_back(n);
  Value y = made(a.kind, dims);
  for (int64_t i = 0; i < count(batch); ++i) {
    const double* left = a.v.data() + index_in(a_batch, batch, i) * std::size_t(m * inner);
    const double* right = b.v.data() + index_in(b_batch, batch, i) * std::size_t(inner * n);
    for (int64_t row = 0; row < m; ++row)
      for (int64_t k = 0; k < inner; ++k)
        for (int64_t column = 0; column < n; ++column)
          y.v[std::size_t((i * m + row) * n + column)] += left[row * inner + k] * right[k * n + column];
  }
  for (double& v : y.v) v = as(y.kind, v);
  return y;
}

Value transpose(const Value& x, Dims perm) {
  if (perm.empty())
    for (std::size_t d = x.dims.size(); d-- > 0;) perm.push_back(int64_t(d));
  require(perm.size() == x.dims.size(), "a Transpose of other dimensions");
  Dims dims;
  for (const int64_t p : perm) dims.push_back(x.dims.at(std::size_t(p)));
  Value y = made(x.kind, dims);
  for (int64_t i = 0; i < count(dims); ++i) {
    Dims at(dims.size());
    for (int64_t d = int64_t(dims.size()) - 1, rest = i; d >= 0; rest /= dims[std::size_t(d)], --d)
      at[std::size_t(perm[std::size_t(d)])] = rest % dims[std::size_t(d)];
    int64_t from = 0;
    for (std::size_t d = 0; d < dims.size(); ++d) from = from * x.dims[d] + at[d];
    y.v[std::size_t(i)] = x.v[std::size_t(from)];
  }
  return y;
}

// y = transA?(A) transB?(B) + C; alpha and beta are floats and stay at 1.
Value gemm(OnnxNode& node, Value a, Value b, const Value& c) {
  if (node.integer("transA", 0)) a = transpose(a, {});
  if (node.integer("transB", 0)) b = transpose(b, {});
  const Value product = mat_mul(a, b);
  require(broadcast(product.dims, c.dims) == product.dims, "a Gemm whose C is larger than its product");
  return binary(product, c, {}, std::plus());
}

Value flatten(const Value& x, int64_t axis) {
  require(axis >= 0 && axis <= int64_t(x.dims.size()), "Flatten beyond the rank");
  const int64_t rows = count({x.dims.begin(), x.dims.begin() + axis});
  return {x.kind, {rows, count({x.dims.begin() + axis, x.dims.end()})}, x.v};
}

Value gather(const Value& x, const Value& index, int64_t axis) {
  require(x.dims.size() == 1 && axis == 0 && index.kind == Kind::i64, "a Gather that is not of a list");
  Value y = made(x.kind, index.dims);
  for (std::size_t i = 0; i < y.v.size(); ++i)
    y.v[i] = x.v.at(std::size_t(index.v[i] + (index.v[i] < 0 ? double(x.dims[0]) : 0)));
  return y;
}

Value range(const Value& start, const Value& limit, const Value& delta) {
  require(start.kind == limit.kind && start.kind == delta.kind && start.v.size() == 1, "a Range of two types");
  const auto size = std::max<int64_t>(0, int64_t(std::ceil((limit.v.at(0) - start.v[0]) / delta.v.at(0))));
  Value y = made(start.kind, {size});
  for (int64_t i = 0; i < size; ++i) y.v[std::size_t(i)] = start.v[0] + double(i) * delta.v[0];
  return y;
}

Value unsqueeze(const Value& x, const Value& axes) {
  require(axes.v.size() == 1 && axes.v[0] >= 0, "an Unsqueeze of several axes");
  Value y = x;
  require(std::size_t(axes.v[0]) <= x.dims.size(), "Unsqueeze beyond the rank");
  y.dims.insert(y.dims.begin() + int64_t(axes.v[0]), 1);
  return y;
}

// Slice, CumSum and ReduceSum are known along the rows of a matrix: f(its first element).
template <class F>
void each_row(const Value& x, const Value& axis, F f) {
  require(x.dims.size() == 2 && axis.v.size() == 1 && (axis.v[0] == 1 || axis.v[0] == -1),
          "not along the rows of a matrix");
  for (int64_t row = 0; row < x.dims[0]; ++row) f(x.v.data() + row * x.dims[1]);
}

Value slice(const Value& x, const Value& starts, const Value& ends, const Value& axes) {
  const auto bound = [&](const Value& at) {  // from the end if negative
    return std::clamp<int64_t>(int64_t(at.v.at(0)) + (at.v[0] < 0 ? x.dims[1] : 0), 0, x.dims[1]);
  };
  Value y{x.kind, {x.dims.at(0), 0}, {}};
  each_row(x, axes, [&](const double* from) {
    y.dims[1] = std::max<int64_t>(0, bound(ends) - bound(starts));
    y.v.insert(y.v.end(), from + bound(starts), from + bound(starts) + y.dims[1]);
  });
  return y;
}

Value cum_sum(const Value& x, const Value& axis, bool exclusive) {
  Value y{x.kind, x.dims, {}};
  each_row(x, axis, [&](const double* from) {
    double sum = 0;
    for (int64_t i = 0; i < x.dims[1]; ++i) {
      const double with = as(x.kind, sum + from[i]);
      y.v.push_back(exclusive ? sum : with);
      sum = with;
    }
  });
  return y;
}

Value reduce_sum(const Value& x, const Value& axis, bool keep) {
  Value y{x.kind, keep ? Dims{x.dims.at(0), 1} : Dims{x.dims.at(0)}, {}};
  each_row(x, axis,
           [&](const double* from) { y.v.push_back(as(x.kind, std::accumulate(from, from + x.dims[1], 0.0))); });
  return y;
}

Value where(const Value& condition, const Value& yes, const Value& no) {
  require(condition.kind == Kind::boolean && condition.v.size() == 1 && yes.dims == no.dims && yes.kind == no.kind,
          "a Where that does not choose one of two");
  return condition.v[0] != 0 ? yes : no;
}

}  // namespace

Value evaluate(OnnxNode& node, const std::vector<const Value*>& in) {
  const auto is = [&](const char* op, std::size_t least, std::size_t most) {
    if (node.op != op) return false;
    require(in.size() >= least && in.size() <= most, node.op + " has other inputs");
    return true;
  };
  const auto real = [&] { require(in[0]->kind == Kind::f32 || in[0]->kind == Kind::f64, node.op + " of integers"); };
  if (is("Conv", 2, 3)) return conv(node, *in[0], *in[1], in.size() == 3 ? in[2] : nullptr);
  if (is("MaxPool", 1, 1)) return max_pool(node, *in[0]);
  if (is("Relu", 1, 1)) return unary(*in[0], [](double v) { return v > 0 ? v : 0; });
  if (is("GlobalAveragePool", 1, 1)) return global_average_pool(*in[0]);
  if (is("Flatten", 1, 1)) return flatten(*in[0], node.integer("axis", 1));
  if (is("Gemm", 3, 3)) return gemm(node, *in[0], *in[1], *in[2]);
  if (is("MatMul", 2, 2)) return mat_mul(*in[0], *in[1]);
  if (is("Add", 2, 2)) return binary(*in[0], *in[1], {}, std::plus());
  if (is("Sub", 2, 2)) return binary(*in[0], *in[1], {}, std::minus());
  if (is("Mul", 2, 2)) return binary(*in[0], *in[1], {}, std::multiplies());
  if (is("Div", 2, 2)) return binary(*in[0], *in[1], {}, std::divides());
  if (is("Min", 2, 2)) return binary(*in[0], *in[1], {}, [](double a, double b) { return std::min(a, b); });
  if (is("Max", 2, 2)) return binary(*in[0], *in[1], {}, [](double a, double b) { return std::max(a, b); });
  if (is("Less", 2, 2)) return binary(*in[0], *in[1], Kind::boolean, std::less());
  if (is("GreaterOrEqual", 2, 2)) return binary(*in[0], *in[1], Kind::boolean, std::greater_equal());
  if (is("And", 2, 2)) return binary(*in[0], *in[1], Kind::boolean, [](double a, double b) { return a * b; });
  if (is("Neg", 1, 1)) return unary(*in[0], std::negate());
  if (is("Abs", 1, 1)) return unary(*in[0], [](double v) { return std::abs(v); });
  if (is("Floor", 1, 1)) return real(), unary(*in[0], [](double v) { return std::floor(v); });
  if (is("Ceil", 1, 1)) return real(), unary(*in[0], [](double v) { return std::ceil(v); });
  if (is("Identity", 1, 1)) return *in[0];
  if (is("Cast", 1, 1)) {
    Value y = *in[0];
    y.kind = Kind(node.integer("to"));
    for (double& v : y.v) v = as(y.kind, v);
    return y;
  }
  if (is("Shape", 1, 1)) return {Kind::i64, {int64_t(in[0]->dims.size())}, {in[0]->dims.begin(), in[0]->dims.end()}};
  if (is("Gather", 2, 2)) return gather(*in[0], *in[1], node.integer("axis", 0));
  if (is("Transpose", 1, 1)) return transpose(*in[0], node.integers("perm", {}));
  if (is("Unsqueeze", 2, 2)) return unsqueeze(*in[0], *in[1]);
  if (is("Range", 3, 3)) return range(*in[0], *in[1], *in[2]);
  if (is("Slice", 4, 4)) return slice(*in[0], *in[1], *in[2], *in[3]);
  if (is("Where", 3, 3)) return where(*in[0], *in[1], *in[2]);
  if (is("CumSum", 2, 2)) return cum_sum(*in[0], *in[1], node.integer("exclusive", 0) != 0);
  if (is("ReduceSum", 2, 2)) return reduce_sum(*in[0], *in[1], node.integer("keepdims", 1) != 0);
  throw std::runtime_error("no op " + node.op);
}

}  // namespace pc::test
