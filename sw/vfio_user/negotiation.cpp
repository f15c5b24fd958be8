// SPDX-License-Identifier: Apache-2.0
// VERSION: reads the client's proposal, writes the reply.
#include "vfio_user/negotiation.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "common/types.hpp"
#include "vfio_user/protocol.hpp"

namespace siov::vfio_user {
namespace {

using Json = nlohmann::json;
constexpr std::size_t kVersionBytes = 4;
constexpr std::uint32_t kLeastDataBytes = 8;  ///< a register access must fit

Failure<Refusal> refuse(int error, std::string why) {
  return Failure{Refusal{error, "VERSION: " + std::move(why)}};
}

/// A member that has to be an unsigned number. @param value  untouched if there is no such member
/// @return false if it is something else
bool number(const Json& object, const char* key, std::uint64_t& value) {
  const auto member = object.find(key);
  if (member == object.end()) return true;
  if (!member->is_number_unsigned()) return false;
  value = member->get<std::uint64_t>();
  return true;
}

std::uint32_t smaller(std::uint64_t theirs, std::uint32_t ours) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(theirs, ours));
}

/// Reads the proposal. @return what is wrong with it; empty if nothing
std::string read(const Json& proposed, const Limits& limits, Agreement& agreement) {
  std::uint64_t data = kDefaultDataBytes;
  std::uint64_t fds = 1;
  std::uint64_t maps = 65535;
  std::uint64_t pages = kPageSize;
  if (!number(proposed, "max_data_xfer_size", data)) return "max_data_xfer_size is no number";
  if (!number(proposed, "max_msg_fds", fds)) return "max_msg_fds is no number";
  if (!number(proposed, "max_dma_maps", maps)) return "max_dma_maps is no number";
  if (!number(proposed, "pgsizes", pages)) return "pgsizes is no number";
  if (data < kLeastDataBytes) return "max_data_xfer_size is less than 8";
  if (maps == 0) return "max_dma_maps is 0";
  pages &= ~(kPageSize - 1);
  if (pages == 0) return "pgsizes has no size of 4096 or more";
  if (const auto multi = proposed.find("write_multiple"); multi != proposed.end()) {
    if (!multi->is_boolean()) return "write_multiple is not true or false";
    agreement.write_multiple = multi->get<bool>() && limits.write_multiple;
  }
  agreement.max_data_bytes = smaller(data, limits.max_data_bytes);
  agreement.client_fds = smaller(fds, 253);
  agreement.max_dma_maps = smaller(maps, limits.max_dma_maps);
  agreement.page_sizes = pages;
  return {};
}

/// The JSON of the reply: of what was proposed, what this server says to it, in at most room bytes.
std::optional<std::string> answer(const Json& proposed, const Limits& limits,
                                  const Agreement& agreement, std::size_t room) {
  // In the order in which they can be left out: each has a default that the client then assumes.
  const std::pair<const char*, Json> ours[] = {
      {"write_multiple", agreement.write_multiple},
      {"max_msg_fds", limits.max_fds},
      {"max_data_xfer_size", agreement.max_data_bytes},
      {"max_dma_maps", agreement.max_dma_maps},
      {"pgsizes", agreement.page_sizes},
  };
  Json capabilities = Json::object();
  for (const auto& [key, value] : ours) {
    if (proposed.contains(key)) capabilities[key] = value;
  }
  for (std::size_t left_out = 0;; ++left_out) {
    std::string text = Json{{"capabilities", capabilities}}.dump();
    if (text.size() <= room) return text;
    // The last two hold what a client may not exceed.
    if (left_out == std::size(ours)) break;
    capabilities.erase(ours[left_out].first);
  }
  if (room >= 2) return "{}";
  return std::nullopt;
}

}  // namespace

Result<Agreement, Refusal> negotiate(std::span<const std::byte> request, const Limits& limits) {
  if (request.size() < kVersionBytes) return refuse(EINVAL, "shorter than a version");
  const auto major = load<std::uint16_t>(request, 0);
  const auto minor = load<std::uint16_t>(request, 2);
  if (major != kVersionMajor) {
    return refuse(ENOTSUP, "major version " + std::to_string(major) + ", this server has 0");
  }
  Agreement agreement;
  agreement.reply.resize(kVersionBytes);
  store(std::span(agreement.reply), 0, kVersionMajor);
  store(std::span(agreement.reply), 2, std::min(minor, kVersionMinor));
  const std::span<const std::byte> text = request.subspan(kVersionBytes);
  if (text.empty()) {
    agreement.max_data_bytes = std::min(kDefaultDataBytes, limits.max_data_bytes);
    agreement.max_dma_maps = std::min(agreement.max_dma_maps, limits.max_dma_maps);
    return agreement;
  }
  if (text.back() != std::byte{0}) return refuse(EINVAL, "capabilities do not end with NUL");
  const std::string_view json(reinterpret_cast<const char*>(text.data()), text.size() - 1);
  if (json.find('\0') != json.npos) return refuse(EINVAL, "NUL inside the capabilities");
  const Json proposal = Json::parse(json, nullptr, false);
  if (!proposal.is_object()) return refuse(EINVAL, "capabilities are no JSON object");
  const Json proposed = proposal.value("capabilities", Json::object());
  if (!proposed.is_object()) return refuse(EINVAL, "\"capabilities\" is no JSON object");
  if (const std::string wrong = read(proposed, limits, agreement); !wrong.empty()) {
    return refuse(EINVAL, wrong);
  }
  if (const auto reply = answer(proposed, limits, agreement, json.size())) {
    const auto* bytes = reinterpret_cast<const std::byte*>(reply->c_str());
    agreement.reply.insert(agreement.reply.end(), bytes, bytes + reply->size() + 1);
  }
  return agreement;
}

}  // namespace siov::vfio_user
