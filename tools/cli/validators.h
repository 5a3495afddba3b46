// What an option's value must be, said in the help and in the message of a value that is not.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class Validator;
}

namespace pc::cli {

CLI::Validator between(int low, int high);  // both included
CLI::Validator between(double low, double high);
CLI::Validator one_of(const std::vector<std::string>& values);

}  // namespace pc::cli
