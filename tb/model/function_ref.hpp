// SPDX-License-Identifier: Apache-2.0
// FunctionRef: a light reference to a callable; owns nothing, costs one indirect call.
//
//   using MemoryReader = FunctionRef<bool(Iova, std::span<std::byte>)>;
//   auto peek = [&](Iova address, std::span<std::byte> out) { return view.peek(pasid, address,
//   out); }; const model::Prediction p = model::predict(descriptor, context, peek);
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace siov::model {

template <class Signature>
class FunctionRef;

/// The callable must outlive the reference: pass a named object, or a temporary only as a function
/// argument.
template <class R, class... Args>
class FunctionRef<R(Args...)> {
 public:
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef>)
      FunctionRef(F&& callable)  // NOLINT: conversion is the purpose
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(callable)))),
        call_([](void* object, Args... args) -> R {
          return (*static_cast<std::remove_reference_t<F>*>(object))(std::forward<Args>(args)...);
        }) {}

  R operator()(Args... args) const { return call_(object_, std::forward<Args>(args)...); }

 private:
  void* object_;
  R (*call_)(void*, Args...);
};

}  // namespace siov::model
