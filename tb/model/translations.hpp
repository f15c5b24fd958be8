// SPDX-License-Identifier: Apache-2.0
// Translations: the address translation cache (ATC), translation requests, and invalidations. PASID
// (and whether there is one) and privilege are part of every key.
//
//   const Translations::Answer a = translations.look_up(owner, page, true);
//   if (a.result == Translations::Result::kOk) use(a.page);
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "common/types.hpp"
#include "model/config_space.hpp"
#include "model/device_config.hpp"
#include "model/owner.hpp"
#include "port/ats_port.hpp"

namespace siov::model {

class Translations {
 public:
  enum class Result : std::uint8_t {
    kOk,
    kFault,  ///< no translation, or not with the right that is needed
    kError   ///< the request failed
  };
  struct Answer {
    Result result = Result::kError;
    Iova page;                  ///< translated; with `untranslated` as it was asked for
    bool untranslated = false;  ///< U: the request goes out with the address as it was, and PASID
  };

  Translations(const DeviceConfig& config, const ConfigSpace& space, DeviceStats& stats)
      : config_(config), space_(space), stats_(stats) {}
  /// @param host  not owned; nullptr: translation requests end as unsupported
  void set_host(port::AtsHostPort* host) { host_ = host; }

  /// The translation of a page, from the cache or from the host. A right that a cached translation
  /// lacks is asked for again. @param page  bits 11:0 are 0  @spec PCIe-6.3 10.2.3
  [[nodiscard]] Answer look_up(const Owner& owner, Iova page, bool write);

  /// Takes effect in the next cycle(); may be called from inside look_up().
  void invalidate(const port::InvalidateRequest& request) { inbox_.push_back(request); }
  /// Performs invalidations and answers those whose requests are done.
  void cycle(std::uint64_t now);
  /// Empties the cache; invalidations are answered all the same.
  void forget() { entries_.clear(); }
  /// ATS has been enabled: an unsupported request no longer counts.
  void enable() { unsupported_ = false; }

 private:
  struct Entry {
    std::optional<Pasid> pasid;
    bool privileged = false;
    std::uint64_t base = 0;  ///< untranslated
    std::uint64_t last = 0;  ///< last byte
    std::uint64_t target = 0;
    bool read = false;
    bool write = false;
    bool untranslated = false;
    std::uint64_t used = 0;  ///< number of the use
    bool covers(const Owner& owner, Iova page) const;
  };
  struct Pending {
    std::uint8_t itag = 0;
    std::uint64_t due = 0;
  };
  Entry* find(const Owner& owner, Iova page);
  Answer fetch(const Owner& owner, Iova page, bool write);
  void insert(const Entry& entry);
  void perform(const port::InvalidateRequest& request);

  DeviceConfig config_;
  const ConfigSpace& space_;
  DeviceStats& stats_;
  port::AtsHostPort* host_ = nullptr;
  std::vector<Entry> entries_;
  std::deque<port::InvalidateRequest> inbox_;
  std::deque<Pending> pending_;
  std::uint64_t now_ = 0;
  std::uint64_t uses_ = 0;
  std::uint64_t requests_done_ = 0;  ///< cycle in which the last request with a translation is done
  bool unsupported_ = false;         ///< a translation request was: no more until ATS is enabled
};

}  // namespace siov::model
