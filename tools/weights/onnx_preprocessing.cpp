#include "tools/weights/onnx_preprocessing.h"

#include <cmath>

#include "data/store.h"

namespace pc {
namespace {

class Pixels {
 public:
  explicit Pixels(OnnxGraph& graph) : g_(graph) {}

  // u8 [n,h,w,3] -> f32 [n,3,h,w]
  std::string planes(const std::string& pictures) {
    return cast(g_.node("Transpose", {pictures}, {{"perm", Ints{0, 3, 1, 2}}}), OnnxType::f32);
  }

  // As resize_to_short_side(), to the bit: both sides by one factor, rounded to u8 after each direction.
  std::string reduced(const std::string& x, int short_side) {
    const std::string h = size_of_axis(x, 2), w = size_of_axis(x, 3);
    const std::string side = cast(g_.node("Min", {h, w}), OnnxType::f64);
    const std::string factor = g_.node("Min", {g_.node("Div", {g_.scalar(double(short_side)), side}), one_});
    const auto scaled = [&](const std::string& size) {  // both are positive: the cast rounds down
      const std::string exact = g_.node("Mul", {cast(size, OnnxType::f64), factor});
      return cast(g_.node("Add", {exact, half_}), OnnxType::i64);
    };
    const std::string start = g_.scalar(0.0f);
    const std::string columns = in_steps(filter({start, cast(w, OnnxType::f32)}, scaled(w), w));
    const std::string rows = in_steps(filter({start, cast(h, OnnxType::f32)}, scaled(h), h));
    return rounded(filter_rows(rounded(filter_columns(x, columns)), rows));
  }

  // As the augment kernel does with Preprocess::identity(): filtered, laid over the fill color, normalized. The pixels
  // beyond the picture need no padding: y = fill + sum over those within of weight * (pixel - fill).
  std::string fitted(const std::string& x, const Preprocess& p) {
    const std::string h = size_of_axis(x, 2), w = size_of_axis(x, 3);
    const auto [across, down] = crops(cast(w, OnnxType::f32), cast(h, OnnxType::f32), p);
    const std::string columns = cast(filter(across, g_.integer(p.width), w), OnnxType::f32);
    const std::string rows = cast(filter(down, g_.integer(p.height), h), OnnxType::f32);

    std::vector<float> fill, slope, shift;
    for (std::size_t c = 0; c < 3; ++c) {
      fill.push_back(float(p.fill[c]));
      slope.push_back(1 / (255 * p.std[c]));
      shift.push_back((fill[c] / 255 - p.mean[c]) / p.std[c]);
    }
    const auto per_channel = [&](const std::vector<float>& values) { return g_.floats(values, {3, 1, 1}); };
    std::string y = g_.node("Sub", {x, per_channel(fill)});
    y = filter_columns(filter_rows(y, rows), columns);
    return g_.node("Add", {g_.node("Mul", {y, per_channel(slope)}), per_channel(shift)});
  }

 private:
  struct Crop {
    std::string start, length;  // f32 scalars, pixels
  };

  // As Preprocess::identity(), in f32 as there.
  std::pair<Crop, Crop> crops(const std::string& w, const std::string& h, const Preprocess& p) {
    if (p.resize == Resize::stretch) return {{g_.scalar(0.0f), w}, {g_.scalar(0.0f), h}};
    const std::string ratio = g_.scalar(float(p.width) / float(p.height));
    const std::string narrow = g_.node("Less", {g_.node("Div", {w, h}), ratio});
    const std::string width = g_.node("Mul", {h, ratio}), height = g_.node("Div", {w, ratio});
    const auto choose = [&](const std::string& yes, const std::string& no) {
      return g_.node("Where", p.resize == Resize::pad ? std::vector{narrow, yes, no} : std::vector{narrow, no, yes});
    };
    return {centered(w, choose(width, w)), centered(h, choose(h, height))};
  }
  Crop centered(const std::string& size, const std::string& length) {
    return {g_.node("Div", {g_.node("Sub", {size, length}), g_.scalar(2.0f)}), length};
  }

  // f64 [out,size]: what each of `size` pixels counts in each of `out` cells of the crop; the formula is augment.h's.
  std::string filter(const Crop& crop, const std::string& out, const std::string& size) {
    const std::string half = g_.scalar(0.5f), end_of_crop = g_.node("Add", {crop.start, crop.length});
    const std::string begin = whole(g_.node("Ceil", {g_.node("Sub", {crop.start, half})}));
    const std::string end = g_.node(
        "Max", {g_.node("Add", {begin, g_.integer(1)}), whole(g_.node("Ceil", {g_.node("Sub", {end_of_crop, half})}))});
    const std::string first = g_.node("Min", {begin, g_.integer(0)}), last = g_.node("Max", {end, size});
    const std::string pixel = g_.node("Range", {first, last, g_.integer(1)});

    const std::string scale = g_.node("Div", {cast(crop.length, OnnxType::f64), cast(out, OnnxType::f64)});
    const std::string cell = middles(g_.node("Range", {g_.integer(0), out, g_.integer(1)}));
    const std::string point = g_.node("Add", {cast(crop.start, OnnxType::f64), g_.node("Mul", {cell, scale})});
    const std::string column = g_.node("Unsqueeze", {point, g_.integers({1})});  // [out,1] against [pixels]
    const std::string distance = g_.node("Abs", {g_.node("Sub", {middles(pixel), column})});
    const std::string share = g_.node("Div", {distance, g_.node("Max", {one_, scale})});
    const std::string triangle = g_.node("Max", {g_.node("Sub", {one_, share}), g_.scalar(0.0)});

    const std::string inside =
        g_.node("And", {g_.node("GreaterOrEqual", {pixel, begin}), g_.node("Less", {pixel, end})});
    const std::string weight = g_.node("Mul", {triangle, cast(inside, OnnxType::f64)});
    const std::string sum = g_.node("ReduceSum", {weight, g_.integers({1})}, {{"keepdims", 1}});
    const std::string shares = g_.node("Div", {weight, sum});
    const std::string from = g_.node("Neg", {first});  // where pixel 0 stands
    return g_.node("Slice", {shares, listed(from), listed(g_.node("Add", {from, size})), g_.integers({1})});
  }

  // f32: the rows of a filter in the steps of data/resize.cpp, of which a MatMul's sums are exact.
  std::string in_steps(const std::string& matrix) {
    const std::string steps = g_.scalar(65536.0), along = g_.integer(1);
    const auto whole_steps = [&](int64_t exclusive) {
      const std::string sum = g_.node("CumSum", {matrix, along}, {{"exclusive", exclusive}});
      return g_.node("Floor", {g_.node("Add", {g_.node("Mul", {sum, steps}), half_})});
    };
    const std::string own = g_.node("Sub", {whole_steps(0), whole_steps(1)});
    return cast(g_.node("Div", {own, steps}), OnnxType::f32);
  }

  std::string filter_columns(const std::string& x, const std::string& matrix) {
    return g_.node("MatMul", {x, g_.node("Transpose", {matrix}, {{"perm", Ints{1, 0}}})});
  }
  std::string filter_rows(const std::string& x, const std::string& matrix) { return g_.node("MatMul", {matrix, x}); }
  std::string rounded(const std::string& x) { return g_.node("Floor", {g_.node("Add", {x, g_.scalar(0.5f)})}); }

  std::string cast(const std::string& x, OnnxType type) { return g_.node("Cast", {x}, {{"to", int64_t(type)}}); }
  std::string whole(const std::string& x) { return cast(x, OnnxType::i64); }
  std::string middles(const std::string& index) { return g_.node("Add", {cast(index, OnnxType::f64), half_}); }
  std::string listed(const std::string& scalar) { return g_.node("Unsqueeze", {scalar, g_.integers({0})}); }
  std::string size_of_axis(const std::string& x, int64_t axis) {
    return g_.node("Gather", {g_.node("Shape", {x}), g_.integer(axis)}, {{"axis", 0}});
  }

  OnnxGraph& g_;
  std::string one_ = g_.scalar(1.0), half_ = g_.scalar(0.5);
};

}  // namespace

std::string add_onnx_preprocessing(OnnxGraph& graph, const std::string& pictures, const Preprocess& p) {
  Pixels pixels(graph);
  return pixels.fitted(pixels.reduced(pixels.planes(pictures), store_settings(p.height, p.width).short_side), p);
}

}  // namespace pc
