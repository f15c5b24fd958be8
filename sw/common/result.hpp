// SPDX-License-Identifier: Apache-2.0
// Result<T, E>: a value, or the error that modelled hardware answers instead. Not for misuse (that
// throws HarnessError).
//
//   Result<Hpa, FaultReason> r = walk(...);
//   if (!r) return r.error();
//   use(*r);
#pragma once

#include <optional>
#include <utility>
#include <variant>

#include "common/error.hpp"

namespace siov {

template <class E>
struct Failure {
  E error;
};
template <class E>
Failure(E) -> Failure<E>;

template <class T, class E>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT
  Result(Failure<E> failure)
      : state_(std::in_place_index<1>, std::move(failure.error)) {}  // NOLINT
  explicit operator bool() const { return state_.index() == 0; }
  bool has_value() const { return state_.index() == 0; }
  const T& value() const {
    if (!has_value()) throw HarnessError("value() of a failed Result");
    return std::get<0>(state_);
  }
  T& value() {
    if (!has_value()) throw HarnessError("value() of a failed Result");
    return std::get<0>(state_);
  }
  const T& operator*() const { return value(); }
  const T* operator->() const { return &value(); }
  const E& error() const {
    if (has_value()) throw HarnessError("error() of a successful Result");
    return std::get<1>(state_);
  }

 private:
  std::variant<T, E> state_;
};

}  // namespace siov
