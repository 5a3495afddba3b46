// The names that a pickle of torch.save may use, and what calling them makes: tensors, parameters, ordered dicts.
#include <fmt/format.h>

#include <algorithm>

#include "engine/safetensors.h"
#include "kernels/base/text.h"
#include "tools/weights/pickle_reader.h"

namespace pc {
namespace {

using Kind = PickleValue::Kind;

constexpr std::size_t max_tensors = 100'000, max_rank = 8, max_key = 64;

enum Function : int64_t { ordered_dict, rebuild_tensor, rebuild_tensor_v2, rebuild_parameter };

struct Name {
  std::string_view name;
  Function function;
};

constexpr Name functions[] = {
    {"collections.OrderedDict", ordered_dict},
    {"torch._utils._rebuild_tensor", rebuild_tensor},
    {"torch._utils._rebuild_tensor_v2", rebuild_tensor_v2},
    {"torch._utils._rebuild_parameter", rebuild_parameter},
};

bool is_plain_key(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !text.empty() && text.size() <= max_key && std::all_of(text.begin(), text.end(), plain);
}

// Whether every element lies within a storage of `elements`.
bool fits(const PickledTensor& t, int64_t count, int64_t elements) {
  if (count == 0) return t.offset <= elements;
  int64_t last = t.offset, step = 0;
  for (std::size_t i = 0; i < t.shape.size(); ++i)
    if (__builtin_mul_overflow(t.shape[i] - 1, t.strides[i], &step) || __builtin_add_overflow(last, step, &last))
      return false;
  return last < elements;
}

}  // namespace

void PickleReader::global() {
  const auto module = line(), name = line();
  const std::string full = fmt::format("{}.{}", module, name);
  for (const Name& n : functions)
    if (n.name == full) return push_new({.kind = Kind::function, .integer = n.function});
  for (FileType type : all_file_types)
    if (full == std::string("torch.") + storage_name(type))
      return push_new({.kind = Kind::storage_type, .integer = int64_t(type)});
  refuse(
      fmt::format("{} is not allowed; save the weights alone: torch.save(model.state_dict(), FILE)", printable(full)));
}

void PickleReader::expect(PickleIndex i, Kind kind, const char* what) const {
  if (p_[i].kind != kind) refuse(fmt::format("with a {} as {}", name_of(p_[i].kind), what));
}

int64_t PickleReader::integer(PickleIndex i, const char* what) const {
  expect(i, Kind::integer, what);
  if (p_[i].integer < 0) refuse(fmt::format("with the negative {} {}", what, p_[i].integer));
  return p_[i].integer;
}

Shape PickleReader::integers(PickleIndex i, const char* what) const {
  expect(i, Kind::tuple, what);
  if (p_[i].items.size() > max_rank) refuse(fmt::format("with {} dimensions, over {}", p_[i].items.size(), max_rank));
  Shape shape;
  for (PickleIndex k : p_[i].items) shape.push_back(integer(k, what));
  return shape;
}

// ('storage', type, key, location, elements), in the stacked form also None, where PyTorch of 2017 put views of
// storages; the location ("cpu", "cuda:0") does not matter here.
void PickleReader::persistent_id() {
  const PickleValue& id = p_[pop()];
  if (id.kind != Kind::tuple || id.items.size() != id_items_)
    refuse(fmt::format("needs a tuple of {}, torch.save's name of a storage", id_items_));
  const PickleValue &tag = p_[id.items[0]], &key = p_[id.items[2]];
  if (tag.kind != Kind::string || tag.string != "storage") refuse("that does not name a \"storage\"");
  expect(id.items[1], Kind::storage_type, "storage type");
  if (key.kind != Kind::string || !is_plain_key(key.string)) refuse("with a storage key that is no plain word");
  if (id_items_ == 6 && p_[id.items[5]].kind != Kind::none)
    refuse("names a view of a storage; save the file again with PyTorch 1.6 or newer");
  const PickledStorage storage{key.string, FileType(p_[id.items[1]].integer), integer(id.items[4], "storage size")};
  const auto [known, fresh] = storage_index_.emplace(key.string, p_.storages.size());
  if (fresh) {
    p_.storages.push_back(storage);
  } else if (p_.storages[known->second].type != storage.type ||
             p_.storages[known->second].elements != storage.elements) {
    refuse(fmt::format("names storage {} twice, with different types or sizes", key.string));
  }
  push_new({.kind = Kind::storage, .integer = int64_t(known->second)});
}

PickleValue PickleReader::make_tensor(const std::vector<PickleIndex>& args) {
  expect(args[0], Kind::storage, "storage");
  PickledTensor t{.storage = std::size_t(p_[args[0]].integer),
                  .offset = integer(args[1], "storage offset"),
                  .shape = integers(args[2], "size"),
                  .strides = integers(args[3], "stride")};
  const int64_t elements = p_.storages[t.storage].elements;
  if (t.shape.size() != t.strides.size())
    refuse(fmt::format("of a tensor with {} sizes and {} strides", t.shape.size(), t.strides.size()));
  int64_t count = 0;
  if (!checked_element_count(t.shape, count))
    refuse(fmt::format("of a tensor whose size {} overflows", to_string(t.shape)));
  if (!fits(t, count, elements))
    refuse(fmt::format("of a tensor that leaves its storage: offset {}, size {}, stride {} in {} elements", t.offset,
                       to_string(t.shape), to_string(t.strides), elements));
  if (p_.tensors.size() == max_tensors) fail_at(Exit::limit, fmt::format("more than {} tensors", max_tensors));
  p_.tensors.push_back(std::move(t));
  return {.kind = Kind::tensor, .integer = int64_t(p_.tensors.size() - 1)};
}

void PickleReader::reduce() {
  const PickleIndex arguments = pop(), function = pop();
  if (p_[function].kind != Kind::function)
    refuse(fmt::format("on a {}, which is no function", name_of(p_[function].kind)));
  expect(arguments, Kind::tuple, "arguments");
  const auto& args = p_[arguments].items;
  const auto needs = [&](std::size_t least, std::size_t most) {
    if (args.size() < least || args.size() > most) refuse(fmt::format("with {} arguments", args.size()));
  };
  switch (Function(p_[function].integer)) {
    case ordered_dict:
      needs(0, 1);
      return reduce_ordered_dict(args);
    case rebuild_tensor:
      needs(4, 4);
      return push_new(make_tensor(args));
    case rebuild_tensor_v2:
      needs(6, 7);
      expect(args[4], Kind::boolean, "requires_grad");
      expect(args[5], Kind::dict, "backward hooks");
      return push_new(make_tensor(args));
    case rebuild_parameter:
      needs(3, 3);
      expect(args[0], Kind::tensor, "a parameter's data");
      expect(args[1], Kind::boolean, "requires_grad");
      expect(args[2], Kind::dict, "backward hooks");
      return push(args[0]);
  }
}

// Python 2 wrote OrderedDict([[key, value], …]).
void PickleReader::reduce_ordered_dict(const std::vector<PickleIndex>& args) {
  push_new({.kind = Kind::dict, .ordered = true});
  if (args.empty()) return;
  expect(args[0], Kind::list, "the pairs of an OrderedDict");
  std::vector<PickleIndex> items;
  for (PickleIndex i : p_[args[0]].items) {
    if ((p_[i].kind != Kind::list && p_[i].kind != Kind::tuple) || p_[i].items.size() != 2)
      refuse("of an OrderedDict without pairs");
    items.insert(items.end(), p_[i].items.begin(), p_[i].items.end());
  }
  set_items(items);
}

// The attributes of an OrderedDict: state_dict()'s _metadata, versions of modules that nothing here needs.
void PickleReader::build() {
  const PickleIndex attributes = pop();
  if (p_[top()].kind != Kind::dict || !p_[top()].ordered || p_[attributes].kind != Kind::dict)
    refuse(fmt::format("of a {} from a {}", name_of(p_[top()].kind), name_of(p_[attributes].kind)));
  // Not a loop: with equal keys one long dict could be gone through for every three bytes of the file.
  const auto& items = p_[attributes].items;
  if (items.empty()) return;
  const PickleValue& key = p_[items[0]];
  if (items.size() != 2 || key.kind != Kind::string || key.string != "_metadata")
    refuse("of an attribute other than _metadata");
}

}  // namespace pc
