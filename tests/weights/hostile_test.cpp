// Files that are no weights, or hostile ones, through the real program: each ends in its exit code and its one line,
// within bounded memory, and leaves nothing behind.
#include "tests/engine/safetensors_bytes.h"
#include "tests/weights/program.h"
#include "tests/weights/pth_bytes.h"

namespace pc::weights {
namespace {

using namespace test;

struct Hostile {
  const char* name;
  std::string bytes;
  std::string message;  // behind "pcconvert: FILE: "
  Exit code = Exit::data;
};
void PrintTo(const Hostile& h, std::ostream* out) { *out << h.name; }

class HostileFile : public Pcconvert, public testing::WithParamInterface<Hostile> {};

TEST_P(HostileFile, EndsInOneLine) {
  write_file_atomically(path("w.pth"), GetParam().bytes);
  const Result r = run(path("w.pth") + " " + path("x.safetensors"));
  EXPECT_EQ(r.code, int(GetParam().code));
  EXPECT_EQ(r.out, "");
  EXPECT_EQ(r.err, fmt::format("pcconvert: {}: {}\n", path("w.pth"), GetParam().message));
  EXPECT_EQ(listing(folder_.path()), std::vector<std::string>{"w.pth"});
}

std::string golden(const char* name) { return read_file(std::string(PC_SOURCE_DIR "/tests/weights/golden/") + name); }

std::vector<Hostile> other_formats() {
  std::string tar = "sys_info" + std::string(1016, '\0');
  tar.replace(257, 5, "ustar");
  return {
      {"empty", "", "not weights; it is empty; download or copy it again"},
      {"web_page", "\n<!DOCTYPE html><html><body>404</body></html>",
       "not weights; it looks like HTML: a web page was saved in its place; download it again"},
      {"web_page_in_capitals", "\xef\xbb\xbf<HTML><TITLE>Sign in</TITLE>",
       "not weights; it looks like HTML: a web page was saved in its place; download it again"},
      {"xml", "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>",
       "not weights; it is XML: a site's answer was saved in its place; open the address in a browser to see why"},
      {"git_lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 46830571\n",
       "not weights; it is a Git LFS pointer; fetch the file itself with: git lfs pull"},
      {"json_object", "{\"error\": \"Repository not found\"}",
       "not weights; it is JSON text: a configuration, an index of parts or a site's error; look into it"},
      {"json_array", "[1, 2, 3, 4]",
       "not weights; it is JSON text: a configuration, an index of parts or a site's error; look into it"},
      {"gzip", "\x1f\x8b\x08" + std::string(60, 'x'), "not weights; it is packed with gzip; unpack it first"},
      {"xz",
       "\xfd"
       "7zXZ" +
           std::string(60, '\0'),
       "not weights; it is packed with xz; unpack it first"},
      {"bzip2", "BZh91AY&SY" + std::string(60, 'x'), "not weights; it is packed with bzip2; unpack it first"},
      {"onnx",
       "\x08\x07\x12\x07pytorch\x1a\x05"
       "1.13.",
       "not weights; it is an ONNX graph, which is only written here; take the .safetensors or .pth file that it was "
       "made from"},
      {"hdf5", "\x89HDF\r\n\x1a\n" + std::string(60, '\0'),
       "not weights; it is an HDF5 file, as Keras writes; only PyTorch's weights and safetensors are read"},
      {"gguf", "GGUF\x03" + std::string(60, '\0'),
       "not weights; it is a GGUF file of llama.cpp; only PyTorch's weights and safetensors are read"},
      {"numpy", "\x93NUMPY\x01" + std::string(60, ' '),
       "not weights; it is a NumPy array; only PyTorch's weights and safetensors are read"},
      {"jpeg", "\xff\xd8\xff\xe0" + std::string(60, '\0'),
       "not weights; it looks like JPEG; expected a .pth of torch.save, or safetensors"},
      {"png", "\x89PNG\r\n\x1a\n" + std::string(60, '\0'),
       "not weights; it looks like PNG; expected a .pth of torch.save, or safetensors"},
      {"tar_of_2017", tar,
       "not weights; it is a tar archive, as torch.save wrote them until 2017; save it again with torch.save from "
       "PyTorch 1.6 or newer"},
      {"bare_pickle", "\x80\x04\x95" + std::string(60, 'x'),
       "not weights; it is a bare pickle, not a file of torch.save; it is not read, since pickles can hold programs"},
      {"text", "epoch,loss\n1,0.5\n2,0.25\n", "neither a .pth file of torch.save nor safetensors"},
      {"seven_bytes", "1234567", "neither a .pth file of torch.save nor safetensors"},
      {"zeros", std::string(4096, '\0'), "not a safetensors file: the header does not begin with {"},
      {"empty_zip", zip({}), "not weights; it is an empty zip archive; expected a .pth of torch.save, or safetensors"},
      {"zip_of_a_table", zip({{"styles.csv", "id"}}), "a zip archive, but not one of torch.save (no data.pkl)"},
      {"torchscript", golden("script.pth"),
       "a TorchScript program, not a state dict; save the weights alone: torch.save(model.state_dict(), FILE)"},
      {"whole_model", golden("whole_model.pth"),
       "data.pkl: byte 2: GLOBAL torch.nn.modules.linear.Linear is not allowed; save the weights alone: "
       "torch.save(model.state_dict(), FILE)"},
      {"pickle_protocol_4", golden("protocol4.pth"),
       "data.pkl: byte 0: PROTO 4: torch.save writes protocol 2; save the file again without pickle_protocol"},
  };
}

std::string one(const std::string& fields, std::size_t data) { return safetensors("{\"w\":{" + fields + "}}", data); }

std::vector<Hostile> bad_safetensors() {
  const std::string good = R"({"w":{"dtype":"F32","shape":[250000],"data_offsets":[0,1000000]}})";
  return {
      {"st_header_cut", safetensors(good, 0, 12'000),
       "truncated: 73 bytes, where the header alone takes 12.0 KB; download it again"},
      {"st_data_cut", safetensors(good, 579'000), "truncated: 579 KB of 1.0 MB; download it again"},
      {"st_data_cut_by_one", safetensors(good, 999'999),
       "truncated: 1000072 bytes of 1000073 bytes; download it again"},
      {"st_offsets_far", one(R"("dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807])", 4),
       "truncated: 101 bytes of 9.2 EB; download it again"},
      {"st_escape_in_name", one(R"("dtype":"U8","shape":[5],"data_offsets":[0,4])", 4).replace(10, 1, "\x7f"),
       "\"\\x7f\": data_offsets span 4 bytes, U8 [5] needs 5"},
  };
}

std::vector<Hostile> bad_pth() {
  const std::string good = pth(with({}));
  const ZipEntry pkl{"a/data.pkl", state_dict(tensor(storage("0", number(4)), number(0), ")", ")"))},
      data{"a/data/0", std::string(16, 'x')};
  const auto changed = [&](const std::function<void(ZipEntry&)>& change) {
    ZipEntry other = data;
    change(other);
    return zip({pkl, other});
  };
  return {
      {"zip_cut", good.substr(0, good.size() - 30),
       "truncated: 450 bytes that do not end with a zip directory; download it again"},
      {"zip_cut_early",
       zip({{"a/data.pkl", state_dict(tensor(storage("0", number(11'700'000)), number(0), ")", ")"))},
            {"a/data/0", std::string(578'800, 'x')}})
           .substr(0, 579'000),
       "truncated: 579 KB of 46.8 MB; download it again"},
      {"zip_with_bytes_behind", good + "x",
       "truncated: 481 bytes that do not end with a zip directory; download it again"},
      {"zip_with_bytes_hidden", changed([](ZipEntry& e) { e.junk_before = "#!/bin/sh"; }),
       R"(record "a/data/0": bytes hidden before it)"},
      {"zip_local_name_differs", changed([](ZipEntry& e) { e.local_name = "a/data/1"; }),
       R"(record "a/data/0": the local header has another name)"},
      {"zip_local_size_differs", changed([](ZipEntry& e) { e.local_bytes = 15; }),
       R"(record "a/data/0": local header and directory disagree)"},
      {"zip_encrypted", changed([](ZipEntry& e) { e.flags = e.local_flags = 1; }),
       R"(record "a/data/0" is encrypted; unpack the archive with its password and pack the files again)"},
      {"zip_compressed", changed([](ZipEntry& e) { e.method = e.local_method = 8; }),
       R"(record "a/data/0" is compressed; torch.save never does that: save the file again)"},
      {"zip_bomb", changed([](ZipEntry& e) { e.bytes = e.local_bytes = 1u << 30; }),
       R"(record "a/data/0" is stored, yet has 16 bytes packed and 1073741824 unpacked)"},
      {"zip_size_past_the_end",
       changed([](ZipEntry& e) { e.bytes = e.local_bytes = e.packed_bytes = e.local_packed_bytes = 1u << 30; }),
       R"(record "a/data/0": runs past the end of the records)"},
      {"zip_wrong_checksum", changed([](ZipEntry& e) { e.crc ^= 1, e.local_crc ^= 1; }),
       R"(record "a/data/0" is damaged: CRC-32 bb28180f, the directory says bb28180e; download it again, or, if it was saved without checksums, pass --no-hash-check)"},
      {"zip_overlap", changed([](ZipEntry& e) { e.offset_shift = -3; }),
       R"(record "a/data/0": overlaps the record before it)"},
      {"zip_same_name_twice", zip({pkl, data, data}), R"(two records are named "a/data/0")"},
      {"zip_path_upwards", zip({pkl, data, {"a/../../evil", ""}, {"../evil", ""}}),
       R"(record "../evil" lies outside the folder a/)"},
      {"zip_two_folders", zip({pkl, data, {"b/data.pkl", "x"}}), R"(record "b/data.pkl" lies outside the folder a/)"},
      {"zip_orphan", zip({pkl, data, {"a/data/1", "#!/bin/sh"}}), R"(record "data/1" belongs to no tensor)"},
      {"zip_of_a_middle_endian", zip({pkl, data, {"a/byteorder", "pdp"}}), R"(unknown byteorder "pdp")"},
      {"os_system", pth(proto + global("os", "system") + text("id") + "\x85R."),
       "data.pkl: byte 2: GLOBAL os.system is not allowed; save the weights alone: torch.save(model.state_dict(), "
       "FILE)"},
      {"posix_system", pth(proto + global("posix", "system") + text("id") + "\x85R."),
       "data.pkl: byte 2: GLOBAL posix.system is not allowed; save the weights alone: torch.save(model.state_dict(), "
       "FILE)"},
      {"builtins_eval", pth(proto + global("builtins", "eval") + text("1") + "\x85R."),
       "data.pkl: byte 2: GLOBAL builtins.eval is not allowed; save the weights alone: torch.save(model.state_dict(), "
       "FILE)"},
      {"subprocess", pth(proto + global("subprocess", "Popen") + text("id") + "\x85R."),
       "data.pkl: byte 2: GLOBAL subprocess.Popen is not allowed; save the weights alone: "
       "torch.save(model.state_dict(), FILE)"},
      {"dotted_name", pth(proto + global("torch._utils", "_rebuild_tensor_v2.__globals__") + "."),
       "data.pkl: byte 2: GLOBAL torch._utils._rebuild_tensor_v2.__globals__ is not allowed; save the weights alone: "
       "torch.save(model.state_dict(), FILE)"},
      {"terminal_escape", pth(proto + global("\x1b]0;owned\x07", "x") + "."),
       "data.pkl: byte 2: GLOBAL \\x1b]0;owned\\x07.x is not allowed; save the weights alone: "
       "torch.save(model.state_dict(), FILE)"},
      {"stack_global", pth(proto + text("os") + text("system") + "\x93."),
       "data.pkl: byte 20: STACK_GLOBAL belongs to pickle protocol 4; save the file again without pickle_protocol"},
      {"newobj", pth(proto + global("collections", "OrderedDict") + ")\x81."),
       "data.pkl: byte 28: NEWOBJ (0x81) is not allowed in a weight file"},
      {"inst", pth(proto + "(ios\nsystem\n."), "data.pkl: byte 3: INST (0x69) is not allowed in a weight file"},
      {"ext1", pth(proto + std::string("\x82\x01.")), "data.pkl: byte 2: EXT1 (0x82) is not allowed in a weight file"},
      {"reduce_on_text", pth(proto + text("system") + ")R."),
       "data.pkl: byte 14: REDUCE on a str, which is no function"},
      {"setitem_on_list", pth(proto + "]NNs."), "data.pkl: byte 5: SETITEM on a list"},
      {"setitems_odd", pth(proto + "}(NNNu."), "data.pkl: byte 7: SETITEMS with a key that has no value"},
      {"dict_in_itself", pth(proto + std::string("}q\0", 3) + text("a") + std::string("h\0s.", 4)),
       "data.pkl: byte 13: SETITEM changes a container that lies within another or itself"},
      {"tuples_1M_deep", pth(proto + ")" + repeat("\x85", 1'000'000) + "."),
       "data.pkl: byte 67: TUPLE1 nests deeper than 64 levels", Exit::limit},
      {"lists_1M", pth(proto + repeat("]", 1'000'000) + "."), "data.pkl: byte 400002: more than 400000 values",
       Exit::limit},
      {"marks_1M", pth(proto + repeat("(", 1'000'000) + "."),
       "data.pkl: byte 400002: more than 400000 values on the stack", Exit::limit},
      {"memo_far", pth(proto + "}r\xff\xff\xff\xff."), "data.pkl: byte 3: LONG_BINPUT to slot 4294967295, over 400000",
       Exit::limit},
      {"text_of_4_GiB", pth(proto + "X\xff\xff\xff\xffx."), "data.pkl: byte 2: the pickle is cut short (truncated?)"},
      {"stop_with_rest", pth(proto + "}}."), "data.pkl: byte 4: STOP with 1 values left over"},
      {"storage_larger_than_record", pth(with({.storage = storage("0", number(5))})),
       "storage 0 has 5 elements of F32, its record 16 bytes"},
      {"storage_smaller_than_record", pth(with({.storage = storage("0", number(3)), .size = ")", .stride = ")"})),
       "storage 0 has 3 elements of F32, its record 16 bytes"},
      {"storage_size_overflows", pth(with({.storage = storage("0", long1(INT64_MAX))})),
       "storage 0 has 9223372036854775807 elements of F32, more than any file"},
      {"storage_path_as_key", pth(with({.storage = storage("../../etc/passwd", number(4))})),
       "data.pkl: byte 111: BINPERSID with a storage key that is no plain word"},
      {"offset_2_62", pth(with({.offset = long1(int64_t(1) << 62)})),
       "data.pkl: byte 160: REDUCE of a tensor that leaves its storage: offset 4611686018427387904, size [2, 2], "
       "stride [2, 1] in 4 elements"},
      {"size_negative", pth(with({.size = tuple(number(-2) + number(2))})),
       "data.pkl: byte 155: REDUCE with the negative size -2"},
      {"stride_past_the_end", pth(with({.stride = tuple(number(3) + number(1))})),
       "data.pkl: byte 155: REDUCE of a tensor that leaves its storage: offset 0, size [2, 2], stride [3, 1] in 4 "
       "elements"},
      {"expanded_to_8_GB",
       pth(with({.size = tuple(long1(int64_t(1) << 30) + number(2)), .stride = tuple(number(0) + number(1))})),
       R"("w": the tensors together are far larger than the file that they share or expand)", Exit::limit},
      {"expanded_to_40_MB",
       pth(with({.size = tuple(number(5'000'000) + number(2)), .stride = tuple(number(0) + number(1))})),
       R"("w": the tensors together are far larger than the file that they share or expand)", Exit::limit},
      {"no_state_dict", pth(proto + "}" + text("epoch") + number(3) + "s."),
       "no state dict found in it; its keys: epoch"},
  };
}

std::string stacked_state(const std::string& storage) {
  return state_dict(tensor(storage, number(0), tuple(number(4)), tuple(number(1))));
}

std::vector<Hostile> bad_stacked() {
  const std::string pickle = stacked_state(stacked_storage("0", number(4))), good = stacked(pickle);
  return {
      {"stacked_cut_in_the_data", good.substr(0, good.size() - 5),
       "truncated: 224 bytes of 229 bytes; download it again"},
      {"stacked_cut_in_the_pickle", good.substr(0, 120), "byte 101: GLOBAL without the end of a name"},
      {"stacked_bytes_behind", good + "#!/bin/sh", "9 bytes behind the last storage"},
      {"stacked_protocol_1002",
       stacked_magic + proto + "M\xea\x03." + stacked_system + pickle + stacked_keys + stacked_data,
       "not protocol 1001 of torch.save's stacked form"},
      {"stacked_system_calls",
       stacked_magic + stacked_protocol + proto + global("os", "system") + text("id") + "\x85R." + pickle +
           stacked_keys + stacked_data,
       "byte 23: GLOBAL os.system is not allowed; save the weights alone: torch.save(model.state_dict(), FILE)"},
      {"stacked_os_system", stacked(proto + global("os", "system") + text("id") + "\x85R."),
       "byte 47: GLOBAL os.system is not allowed; save the weights alone: torch.save(model.state_dict(), FILE)"},
      {"stacked_keys_no_list", stacked(pickle, proto + "}."), "byte 194: a dict where the list of storages should be"},
      {"stacked_key_no_text", stacked(pickle, proto + "]" + number(0) + "a."),
       "byte 194: a int as the key of a storage"},
      {"stacked_key_twice", stacked(pickle, proto + "](" + text("0") + text("0") + "e."),
       R"(storage "0" is listed twice or belongs to no tensor)"},
      {"stacked_key_missing", stacked(pickle, proto + "]."), "storage 0 is not among the 0 listed"},
      {"stacked_key_unknown", stacked(pickle, proto + "](" + text("0") + text("1") + "e."),
       R"(storage "1" is listed twice or belongs to no tensor)"},
      {"stacked_count_lies", stacked(pickle, stacked_keys, le(int64_t(3)) + stacked_data.substr(8)),
       "byte 205: storage 0 has 3 elements, its pickle says 4"},
      {"stacked_count_negative", stacked(pickle, stacked_keys, le(int64_t(-4)) + stacked_data.substr(8)),
       "byte 205: storage 0 has -4 elements, its pickle says 4"},
      {"stacked_view_of_storage",
       stacked(stacked_state(stacked_storage("0", number(4), tuple(text("1") + number(0) + number(4))))),
       "byte 159: BINPERSID names a view of a storage; save the file again with PyTorch 1.6 or newer"},
      {"stacked_id_of_the_zip_form", stacked(stacked_state(storage("0", number(4)))),
       "byte 141: BINPERSID needs a tuple of 6, torch.save's name of a storage"},
      {"stacked_sizes_overflow", stacked(stacked_state(stacked_storage("0", long1(INT64_MAX)))),
       "storage 0 has 9223372036854775807 elements of F32, more than any file"},
      {"stacked_far_larger", stacked(stacked_state(stacked_storage("0", long1(11'700'000)))),
       "truncated: 234 bytes of 46.8 MB; download it again"},
  };
}

INSTANTIATE_TEST_SUITE_P(OtherFormats, HostileFile, testing::ValuesIn(other_formats()),
                         [](const auto& param) { return param.param.name; });
INSTANTIATE_TEST_SUITE_P(Safetensors, HostileFile, testing::ValuesIn(bad_safetensors()),
                         [](const auto& param) { return param.param.name; });
INSTANTIATE_TEST_SUITE_P(Pth, HostileFile, testing::ValuesIn(bad_pth()),
                         [](const auto& param) { return param.param.name; });
INSTANTIATE_TEST_SUITE_P(Stacked, HostileFile, testing::ValuesIn(bad_stacked()),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace pc::weights
