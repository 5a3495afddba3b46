// Members of a struct of arguments that have no default.
#pragma once

namespace pc {

// Leaving a Required member out of an initializer does not compile, where a plain number would silently be 0.
template <class T>
struct Required {
  constexpr Required(T v) : value(v) {}
  constexpr operator T() const { return value; }
  T value;
};

}  // namespace pc
