// Numbers of a file's JSON, checked where they are read: nlohmann's conversions turn 80.7 and true into integers and
// wrap 4294967376 to 80.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace pc {

// Throw std::out_of_range "height is 1000000, which is not an integer from 1 to 1024"; `what` is the name in it.
int64_t integer(const nlohmann::json& value, const std::string& what, int64_t least, int64_t most);
double real(const nlohmann::json& value, const std::string& what, double least, double most);

// The same for a member of an object.
int64_t integer_at(const nlohmann::json& object, const std::string& key, int64_t least, int64_t most);

}  // namespace pc
