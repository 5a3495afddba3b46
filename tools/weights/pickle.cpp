#include "tools/weights/pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <map>

#include "engine/safetensors.h"
#include "kernels/runtime/error.h"
#include "tools/weights/opcodes.h"

namespace pc {
namespace {

using Kind = PickleValue::Kind;

constexpr std::size_t max_values = 400'000, max_tensors = 100'000, max_items = 2'000'000, max_depth = 64, max_rank = 8,
                      max_key = 64;
constexpr PickleIndex mark_index = std::numeric_limits<PickleIndex>::max();

enum Function : int64_t { ordered_dict, rebuild_tensor, rebuild_tensor_v2, rebuild_parameter };

struct Name {
  std::string_view name;
  Kind kind;
  int64_t value;
};

constexpr Name allowed_names[] = {
    {"collections.OrderedDict", Kind::function, ordered_dict},
    {"torch._utils._rebuild_tensor", Kind::function, rebuild_tensor},
    {"torch._utils._rebuild_tensor_v2", Kind::function, rebuild_tensor_v2},
    {"torch._utils._rebuild_parameter", Kind::function, rebuild_parameter},
    {"torch.DoubleStorage", Kind::storage_type, int64_t(FileType::f64)},
    {"torch.FloatStorage", Kind::storage_type, int64_t(FileType::f32)},
    {"torch.HalfStorage", Kind::storage_type, int64_t(FileType::f16)},
    {"torch.BFloat16Storage", Kind::storage_type, int64_t(FileType::bf16)},
    {"torch.LongStorage", Kind::storage_type, int64_t(FileType::i64)},
    {"torch.IntStorage", Kind::storage_type, int64_t(FileType::i32)},
    {"torch.ShortStorage", Kind::storage_type, int64_t(FileType::i16)},
    {"torch.CharStorage", Kind::storage_type, int64_t(FileType::i8)},
    {"torch.ByteStorage", Kind::storage_type, int64_t(FileType::u8)},
    {"torch.BoolStorage", Kind::storage_type, int64_t(FileType::boolean)},
};

bool is_container(Kind kind) { return kind == Kind::tuple || kind == Kind::list || kind == Kind::dict; }

class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& file)
      : text_(reinterpret_cast<const char*>(bytes.data()), bytes.size()), file_(file) {}

  Pickle read() {
    while (!stopped_) {
      start_ = at_;
      op_ = Opcode(take(1)[0]);
      step();
    }
    if (at_ != text_.size()) fail_at(Exit::data, fmt::format("{} bytes behind STOP", text_.size() - at_));
    return std::move(p_);
  }

 private:
  // ---- messages and bytes
  [[noreturn]] void fail_at(Exit code, const std::string& what) const {
    fail(code, fmt::format("{}: byte {}: {}", file_, start_, what));
  }
  [[noreturn]] void refuse(const std::string& what) const {
    fail_at(Exit::data, fmt::format("{} {}", name_of(op_), what));
  }

  std::string_view take(std::size_t count) {
    if (count > text_.size() - at_) fail_at(Exit::data, "the pickle is cut short");
    const auto part = text_.substr(at_, count);
    at_ += count;
    return part;
  }
  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string_view line() {
    const std::size_t end = text_.substr(at_, 256).find('\n');
    if (end == text_.npos) refuse("without the end of a name");
    const auto name = take(end);
    ++at_;
    return name;
  }

  // ---- stack and arena
  PickleIndex make(PickleValue value) {
    if (p_.values.size() == max_values) fail_at(Exit::limit, fmt::format("more than {} values", max_values));
    p_.values.push_back(std::move(value));
    return PickleIndex(p_.values.size() - 1);
  }
  void push(PickleIndex i) {
    if (stack_.size() == max_values) fail_at(Exit::limit, fmt::format("more than {} values on the stack", max_values));
    stack_.push_back(i);
  }
  void push_new(PickleValue value) { push(make(std::move(value))); }
  PickleIndex top() const {
    if (stack_.empty() || stack_.back() == mark_index) refuse("finds no value on the stack");
    return stack_.back();
  }
  PickleIndex pop() {
    const PickleIndex i = top();
    stack_.pop_back();
    return i;
  }
  std::vector<PickleIndex> pop_many(std::size_t count) {
    std::vector<PickleIndex> items(count);
    for (std::size_t i = count; i-- > 0;) items[i] = pop();
    return items;
  }
  std::vector<PickleIndex> pop_to_mark() {
    const auto mark = std::find(stack_.rbegin(), stack_.rend(), mark_index);
    if (mark == stack_.rend()) refuse("finds no MARK");
    std::vector<PickleIndex> items(mark.base(), stack_.end());
    stack_.erase(mark.base() - 1, stack_.end());
    return items;
  }

  // Puts items into a container. They are closed first, so that a container put into itself is refused as well.
  void fill(PickleIndex container, const std::vector<PickleIndex>& items) {
    PickleValue& c = p_.values[container];
    for (PickleIndex i : items) {
      PickleValue& item = p_.values[i];
      item.contained = true;
      if (item.depth >= max_depth)
        fail_at(Exit::limit, fmt::format("{} nests deeper than {} levels", name_of(op_), max_depth));
      c.depth = std::max(c.depth, uint8_t(item.depth + 1));
    }
    if (c.contained) refuse("changes a container that lies within another or itself");
    items_ += items.size();
    if (items_ > max_items) fail_at(Exit::limit, fmt::format("more than {} items in all containers", max_items));
    c.items.insert(c.items.end(), items.begin(), items.end());
  }
  void push_tuple(const std::vector<PickleIndex>& items) {
    const PickleIndex tuple = make({.kind = Kind::tuple});
    fill(tuple, items);
    push(tuple);
  }
  void append(const std::vector<PickleIndex>& items) {
    if (p_[top()].kind != Kind::list) refuse(fmt::format("on a {}", name_of(p_[top()].kind)));
    fill(top(), items);
  }
  void set_items(const std::vector<PickleIndex>& items) {
    if (items.size() % 2 != 0) refuse("with a key that has no value");
    if (p_[top()].kind != Kind::dict) refuse(fmt::format("on a {}", name_of(p_[top()].kind)));
    for (std::size_t i = 0; i < items.size(); i += 2)
      if (is_container(p_[items[i]].kind) && p_[items[i]].kind != Kind::tuple)
        refuse("with a key that is no plain value");
    fill(top(), items);
  }
  void put(uint32_t index) {
    if (index >= max_values)
      fail_at(Exit::limit, fmt::format("{} to slot {}, over {}", name_of(op_), index, max_values));
    if (index >= memo_.size()) memo_.resize(index + 1, mark_index);
    memo_[index] = top();
  }
  void get(uint32_t index) {
    if (index >= memo_.size() || memo_[index] == mark_index) refuse(fmt::format("of slot {}, which is empty", index));
    push(memo_[index]);
  }

  // ---- arguments of the known functions
  int64_t integer(PickleIndex i, const char* what) const {
    if (p_[i].kind != Kind::integer) refuse(fmt::format("with a {} as {}", name_of(p_[i].kind), what));
    if (p_[i].integer < 0) refuse(fmt::format("with the negative {} {}", what, p_[i].integer));
    return p_[i].integer;
  }
  Shape integers(PickleIndex i, const char* what) const {
    if (p_[i].kind != Kind::tuple) refuse(fmt::format("with a {} as {}", name_of(p_[i].kind), what));
    if (p_[i].items.size() > max_rank) refuse(fmt::format("with {} dimensions, over {}", p_[i].items.size(), max_rank));
    Shape shape;
    for (PickleIndex k : p_[i].items) shape.push_back(integer(k, what));
    return shape;
  }

  // ('storage', type, key, location, elements); the location ("cpu", "cuda:0") does not matter here.
  void persistent_id() {
    const PickleValue& id = p_[pop()];
    if (id.kind != Kind::tuple || id.items.size() != 5) refuse("needs a tuple of 5, torch.save's name of a storage");
    const PickleValue &tag = p_[id.items[0]], &type = p_[id.items[1]], &key = p_[id.items[2]];
    if (tag.kind != Kind::string || tag.string != "storage") refuse("that does not name a \"storage\"");
    if (type.kind != Kind::storage_type) refuse(fmt::format("with a {} as storage type", name_of(type.kind)));
    const auto plain = [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    if (key.kind != Kind::string || key.string.empty() || key.string.size() > max_key ||
        !std::all_of(key.string.begin(), key.string.end(), plain))
      refuse("with a storage key that is no plain word");
    const PickledStorage storage{key.string, FileType(type.integer), integer(id.items[4], "storage size")};
    const auto [known, fresh] = storage_index_.emplace(key.string, p_.storages.size());
    if (fresh) {
      p_.storages.push_back(storage);
    } else if (p_.storages[known->second].type != storage.type ||
               p_.storages[known->second].elements != storage.elements) {
      refuse(fmt::format("names storage {} twice, with different types or sizes", key.string));
    }
    push_new({.kind = Kind::storage, .integer = int64_t(known->second)});
  }

  PickleValue make_tensor(const std::vector<PickleIndex>& args) {
    if (p_[args[0]].kind != Kind::storage)
      refuse(fmt::format("of a tensor with a {} as storage", name_of(p_[args[0]].kind)));
    PickledTensor t{.storage = std::size_t(p_[args[0]].integer),
                    .offset = integer(args[1], "storage offset"),
                    .shape = integers(args[2], "size"),
                    .strides = integers(args[3], "stride")};
    const int64_t elements = p_.storages[t.storage].elements;
    if (t.shape.size() != t.strides.size())
      refuse(fmt::format("of a tensor with {} sizes and {} strides", t.shape.size(), t.strides.size()));
    int64_t count = 0, last = t.offset, step = 0;
    if (!checked_element_count(t.shape, count))
      refuse(fmt::format("of a tensor whose size {} overflows", to_string(t.shape)));
    bool fits = true;
    for (std::size_t i = 0; count > 0 && i < t.shape.size(); ++i)
      fits = fits && !__builtin_mul_overflow(t.shape[i] - 1, t.strides[i], &step) &&
             !__builtin_add_overflow(last, step, &last);
    if (!fits || last > elements || (count > 0 && last >= elements))
      refuse(fmt::format("of a tensor that leaves its storage: offset {}, size {}, stride {} in {} elements", t.offset,
                         to_string(t.shape), to_string(t.strides), elements));
    if (p_.tensors.size() == max_tensors) fail_at(Exit::limit, fmt::format("more than {} tensors", max_tensors));
    p_.tensors.push_back(std::move(t));
    return {.kind = Kind::tensor, .integer = int64_t(p_.tensors.size() - 1)};
  }

  void reduce() {
    const PickleIndex arguments = pop(), function = pop();
    if (p_[function].kind != Kind::function)
      refuse(fmt::format("on a {}, which is no function", name_of(p_[function].kind)));
    if (p_[arguments].kind != Kind::tuple) refuse(fmt::format("with a {} as arguments", name_of(p_[arguments].kind)));
    const auto& args = p_[arguments].items;
    const auto needs = [&](std::size_t least, std::size_t most) {
      if (args.size() < least || args.size() > most) refuse(fmt::format("with {} arguments", args.size()));
    };
    switch (Function(p_[function].integer)) {
      case ordered_dict: needs(0, 1); return reduce_ordered_dict(args);
      case rebuild_tensor: needs(4, 4); return push_new(make_tensor(args));
      case rebuild_tensor_v2: needs(6, 7); return push_new(make_tensor(args));
      case rebuild_parameter:
        needs(3, 3);
        if (p_[args[0]].kind != Kind::tensor)
          refuse(fmt::format("of a parameter with a {} as data", name_of(p_[args[0]].kind)));
        return push(args[0]);
    }
  }

  // Python 2 wrote OrderedDict([[key, value], …]).
  void reduce_ordered_dict(const std::vector<PickleIndex>& args) {
    const PickleIndex dict = make({.kind = Kind::dict, .ordered = true});
    push(dict);
    if (args.empty()) return;
    if (p_[args[0]].kind != Kind::list) refuse(fmt::format("of an OrderedDict with a {}", name_of(p_[args[0]].kind)));
    std::vector<PickleIndex> items;
    for (PickleIndex i : p_[args[0]].items) {
      if (!is_container(p_[i].kind) || p_[i].kind == Kind::dict || p_[i].items.size() != 2)
        refuse("of an OrderedDict without pairs");
      items.insert(items.end(), p_[i].items.begin(), p_[i].items.end());
    }
    set_items(items);
  }

  // The attributes of an OrderedDict: state_dict()'s _metadata, versions of modules that nothing here needs.
  void build() {
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

  void global() {
    const auto module = line(), name = line();
    const std::string full = fmt::format("{}.{}", module, name);
    for (const Name& n : allowed_names)
      if (n.name == full) return push_new({.kind = n.kind, .integer = n.value});
    refuse(fmt::format("{} is not allowed; save the weights alone: torch.save(model.state_dict(), FILE)",
                       printable(full)));
  }

  void string(std::size_t bytes) {
    const auto value = take(bytes);
    if (!is_utf8(value)) refuse("with text that is not UTF-8");
    push_new({.kind = Kind::string, .string = value});
  }

  void long1() {
    const auto bytes = take(uint8_t(take(1)[0]));
    if (bytes.size() > 8) refuse(fmt::format("of {} bytes does not fit 64 bits", bytes.size()));
    uint64_t value = !bytes.empty() && (uint8_t(bytes.back()) & 0x80) ? ~uint64_t(0) : 0;
    for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | uint8_t(bytes[i]);
    push_new({.kind = Kind::integer, .integer = int64_t(value)});
  }

  void binfloat() {
    uint64_t bits = 0;
    for (char c : take(8)) bits = bits << 8 | uint8_t(c);
    push_new({.kind = Kind::real, .real = std::bit_cast<double>(bits)});
  }

  void proto() {
    const uint8_t version = number<uint8_t>();
    if (start_ != 0) refuse("in the middle");
    if (version < 2 || version > 3)
      refuse(fmt::format("{}: torch.save writes protocol 2; save the file again without pickle_protocol", version));
  }

  void stop() {
    p_.top = pop();
    if (!stack_.empty()) refuse(fmt::format("with {} values left over", stack_.size()));
    stopped_ = true;
  }

  void step() {
    if (start_ == 0 && op_ != Opcode::proto) refuse("where PROTO should begin the pickle");
    switch (op_) {
      case Opcode::proto: return proto();
      case Opcode::stop: return stop();
      case Opcode::mark: return push(mark_index);
      case Opcode::global: return global();
      case Opcode::reduce: return reduce();
      case Opcode::build: return build();
      case Opcode::binpersid: return persistent_id();
      case Opcode::none: return push_new({});
      case Opcode::newtrue: return push_new({.kind = Kind::boolean, .integer = 1});
      case Opcode::newfalse: return push_new({.kind = Kind::boolean});
      case Opcode::binint: return push_new({.kind = Kind::integer, .integer = number<int32_t>()});
      case Opcode::binint1: return push_new({.kind = Kind::integer, .integer = number<uint8_t>()});
      case Opcode::binint2: return push_new({.kind = Kind::integer, .integer = number<uint16_t>()});
      case Opcode::long1: return long1();
      case Opcode::binfloat: return binfloat();
      case Opcode::binunicode: return string(number<uint32_t>());
      case Opcode::short_binstring: return string(number<uint8_t>());
      case Opcode::empty_tuple: return push_tuple({});
      case Opcode::tuple: return push_tuple(pop_to_mark());
      case Opcode::tuple1: return push_tuple(pop_many(1));
      case Opcode::tuple2: return push_tuple(pop_many(2));
      case Opcode::tuple3: return push_tuple(pop_many(3));
      case Opcode::empty_list: return push_new({.kind = Kind::list});
      case Opcode::append: return append(pop_many(1));
      case Opcode::appends: return append(pop_to_mark());
      case Opcode::empty_dict: return push_new({.kind = Kind::dict});
      case Opcode::setitem: return set_items(pop_many(2));
      case Opcode::setitems: return set_items(pop_to_mark());
      case Opcode::binput: return put(number<uint8_t>());
      case Opcode::long_binput: return put(number<uint32_t>());
      case Opcode::binget: return get(number<uint8_t>());
      case Opcode::long_binget: return get(number<uint32_t>());
    }
    if (op_ >= Opcode(0x8c) && op_ <= Opcode(0x98))
      refuse("belongs to pickle protocol 4; save the file again without pickle_protocol");
    refuse(fmt::format("(0x{:02x}) is not allowed in a weight file", uint8_t(op_)));
  }

  std::string_view text_;
  const std::string& file_;
  std::size_t at_ = 0, start_ = 0;  // the next byte; the opcode's
  std::size_t items_ = 0;           // in all containers
  Opcode op_ = Opcode::stop;
  bool stopped_ = false;
  Pickle p_;
  std::vector<PickleIndex> stack_, memo_;
  std::map<std::string_view, std::size_t> storage_index_;
};

}  // namespace

Pickle read_pickle(std::span<const std::byte> bytes, const std::string& file) { return Reader(bytes, file).read(); }
}  // namespace pc
