// SPDX-License-Identifier: Apache-2.0
// WalkerFuzz: the unit against the reference walker. Each scenario has random tables and a random
// unit; its requests go to both, and status, host address, fault record and the tables in memory
// afterwards must be the same.
//
//   WalkerFuzz fuzz(/*seed=*/1);
//   while (fuzz.report().translations < 100'000) fuzz.scenario();
//   EXPECT_EQ(fuzz.report().differences, 0) << fuzz.report().text;
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "iommu/iommu.hpp"
#include "random_tables.hpp"
#include "reference_walker.hpp"

namespace siov::iommu::test {

/// Where the host address of a success really is can only be seen by the bytes that come from
/// there or arrive there: data pages hold a fresh tag at each access.
class WalkerFuzz {
 public:
  /// Mistakes on purpose, for tests of this test.
  struct Mistakes {
    bool skip_invalidation = false;  ///< caches keep what the changed tables no longer say
    bool cold = false;               ///< drop all caches before each request
    /// Changes what the reference believes the unit to be.
    void (*alter)(IommuConfig&) = nullptr;
  };

  struct Report {
    std::uint64_t scenarios = 0;
    std::uint64_t translations = 0;  ///< requests compared
    std::uint64_t differences = 0;
    std::uint64_t warm = 0;  ///< of these: answered from the IOTLB
    /// Outcome ("DMA SC", "ATS 71h SC0 ...") -> requests.
    std::map<std::string, std::uint64_t> outcomes;
    std::map<unsigned, std::uint64_t> reasons;  ///< FR -> requests
    std::string text;                           ///< the first differences

    /// FNV-1a over the outcome classes and their counts.
    [[nodiscard]] std::uint64_t digest() const;
    [[nodiscard]] std::string table() const;
  };

  explicit WalkerFuzz(std::uint64_t seed) : WalkerFuzz(seed, Mistakes{}) {}
  WalkerFuzz(std::uint64_t seed, const Mistakes& mistakes) : rng_(seed), mistakes_(mistakes) {}

  /// One set of tables: about 300 requests.
  void scenario();
  [[nodiscard]] const Report& report() const { return report_; }

 private:
  struct Sink final : port::InterruptPort {
    void deliver(const port::Interrupt&) override {}
  };

  void remember_pages();
  void odd_root();
  void requests(unsigned count);
  void change_and_repeat();
  void invalidate(RandomTables::Layer layer);
  void compare(const reference::Request& request);
  void compare_dma(const reference::Request& request, const reference::Answer& must);
  void compare_translation(const reference::Request& request, const reference::Answer& must);
  void compare_size(const reference::Request& request, const reference::Answer& must,
                    std::uint64_t entry);
  void compare_log(const reference::Request& request, const reference::Answer& must);
  void compare_updates(const reference::Answer& must);
  void compare_pages();
  void count(const reference::Request& request, const reference::Answer& must);
  void differ(const std::string& what);
  [[nodiscard]] bool is_table(std::uint64_t host, const reference::Answer& must) const;
  [[nodiscard]] std::uint64_t tag();

  Rng rng_;
  Mistakes mistakes_;
  Report report_;
  Sink sink_;
  std::unique_ptr<RandomTables> tables_;
  std::unique_ptr<Iommu> unit_;
  reference::Registers registers_;
  IommuConfig believed_;
  std::map<std::uint64_t, std::vector<std::byte>> shadow_;  ///< what the tables must hold
  std::map<std::uint64_t, std::uint64_t> expected_;         ///< quadwords updated by this request
  std::vector<reference::Request> recent_;
  std::string now_;  ///< the request being compared, for reports
  unsigned next_record_ = 0;
  /// A damaged pointer may have made any page a page of entries that are not of the pages.
  bool aliased_ = false;
  bool thorough_ = false;  ///< compare all tables after each request, not after each run of them
};

}  // namespace siov::iommu::test
