// SPDX-License-Identifier: Apache-2.0
// MemoryReader: a light reference to a callable that reads memory; owns nothing, costs one indirect
// call.
//
//   auto peek = [&](Iova address, std::span<std::byte> out) { return view.peek(pasid, address,
//   out); }; const model::Prediction p = model::predict(descriptor, context, peek);
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>

#include "common/types.hpp"

namespace siov::model {

/// Refers to `bool(Iova, std::span<std::byte>)`; false means that some byte is not readable. The
/// callable must outlive the reference: pass a named object, or a temporary only as a function
/// argument.
class MemoryReader {
 public:
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, MemoryReader>)
      MemoryReader(F&& callable)  // NOLINT: conversion is the purpose
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(callable)))),
        call_([](void* object, Iova address, std::span<std::byte> out) -> bool {
          return (*static_cast<std::remove_reference_t<F>*>(object))(address, out);
        }) {}

  bool operator()(Iova address, std::span<std::byte> out) const {
    return call_(object_, address, out);
  }

 private:
  void* object_;
  bool (*call_)(void*, Iova, std::span<std::byte>);
};

}  // namespace siov::model
