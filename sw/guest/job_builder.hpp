// SPDX-License-Identifier: Apache-2.0
// JobBuilder: from an operation to a job: buffers with contents, the descriptor, and the outcome by
// the guest's own arithmetic.
//
//   guest::JobBuilder builder(facts, areas);
//   guest::Job job = builder.build(operation, random, nullptr);
#pragma once

#include <array>
#include <boost/random/taus88.hpp>
#include <cstdint>
#include <span>

#include "guest/job.hpp"

namespace siov::guest {

/// What a guest knows of its device.
struct DeviceFacts {
  std::uint64_t gencap = 0;
  std::uint64_t max_transfer = 0;                ///< [bytes]
  std::uint32_t max_batch = 0;                   ///< members
  std::uint64_t operations = ~std::uint64_t{0};  ///< opcodes that its queue takes
  bool in_batch = false;                         ///< jobs are members of a batch
  bool block_on_fault = false;                   ///< the queue lets descriptors wait for pages
  [[nodiscard]] bool has(unsigned gencap_bit) const { return (gencap >> gencap_bit & 1) != 0; }
};

inline constexpr unsigned kGencapDrainReadback = 9;
inline constexpr unsigned kGencapFill16 = 10;
inline constexpr unsigned kGencapCrc64 = 11;
inline constexpr unsigned kGencapBatch1 = 52;

/// Three page-aligned buffers of one job. The page before and after each belongs to it.
struct Areas {
  std::array<Iova, 3> area;
  /// Bytes of one area for operations of at most so many bytes.
  [[nodiscard]] static std::uint64_t capacity(std::uint32_t max_bytes);
  [[nodiscard]] static Areas allocate(AddressSpace& space, std::uint32_t max_bytes);
};

class JobBuilder {
 public:
  JobBuilder(const DeviceFacts& facts, const Areas& areas) : facts_(facts), areas_(areas) {}
  /// @param random  decides contents, flags and faults
  /// @param input  what a copy behind a fence reads instead of fresh bytes; may be null
  [[nodiscard]] Job build(const Operation& operation, std::uint64_t random, const Product* input);

 private:
  void start(const Operation& operation, std::uint64_t random);
  void build_kind(const Product* input);
  std::uint32_t draw(std::uint32_t low, std::uint32_t high);
  bool one_in(std::uint32_t n) { return draw(1, n) == 1; }
  std::uint64_t draw64();
  std::vector<std::byte> contents(std::uint64_t bytes);
  Region& add(const char* what, Iova at, std::vector<std::byte> before);
  /// Exactly these bytes, which stay.
  void source(const char* what, Iova at, std::vector<std::byte> data);
  /// A destination with guards that will hold data.
  Region& destination(const char* what, Iova at, std::span<const std::byte> data);
  Region& background(const char* what, Iova at, std::uint64_t bytes);
  void destination_flags();
  void flag(unsigned bit) { job_.descriptor.flags |= abi::flag(bit); }
  void check_flag(bool different);
  Iova source_at() const;
  Iova destination_at() const;

  void build_copy(const Product* input);
  void build_overlap();
  void build_fill();
  void build_compare();
  void build_compare_pattern();
  void build_create_delta();
  void build_apply_delta();
  void build_dualcast();
  void build_crc();
  void build_dif();
  std::uint8_t draw_dif_flags(std::uint8_t fixed_bits, std::uint8_t rare_bits);
  abi::DifTags draw_dif_tags();
  void build_flush();
  void build_drain();

  void quieten();
  void block_on_fault();
  // job_faults.cpp
  void spoil();
  void spoil_anything();
  void spoil_opcode();
  void spoil_flags();
  bool spoil_operands();
  void spoil_size();
  bool spoil_delta_size();
  bool spoil_alignment();
  bool spoil_overlap();

  const DeviceFacts& facts_;
  const Areas& areas_;
  const Operation* op_ = nullptr;
  boost::random::taus88 engine_;
  std::uint64_t state_ = 1;
  Job job_;
};

/// A batch descriptor's own fault. @return false if it stays as it is
bool spoil_batch(Job& job, const DeviceFacts& facts, std::uint32_t pick);

}  // namespace siov::guest
