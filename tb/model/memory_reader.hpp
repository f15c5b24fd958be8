// SPDX-License-Identifier: Apache-2.0
// MemoryReader: how predict looks at memory.
//
//   auto peek = [&](Iova address, std::span<std::byte> out) { return view.peek(pasid, address,
//   out); }; const model::Prediction p = model::predict(descriptor, context, peek);
#pragma once

#include <cstddef>
#include <span>

#include "common/types.hpp"
#include "model/function_ref.hpp"

namespace siov::model {

/// false means that some byte is not readable.
using MemoryReader = FunctionRef<bool(Iova, std::span<std::byte>)>;

}  // namespace siov::model
