// SPDX-License-Identifier: Apache-2.0
// RecordingDevice: stands between a device and its link and keeps what the host drives, cycle by
// cycle, so that the same stimulus can be played into another device with nothing around it.
//
//   system::Stimulus stimulus;
//   options.wrap = [&](pcie::LinkDevice& d) { return std::make_unique<system::RecordingDevice>(d,
//   stimulus); };
//   ...
//   stimulus.replay(*fresh_device);
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "pcie/link.hpp"

namespace siov::system {

/// Inputs of a device, one entry a cycle after reset.
class Stimulus {
 public:
  /// @param beat_bytes  what a beat carries
  void add(const pcie::LinkDevice::Inputs& in, std::uint32_t beat_bytes) {
    cycles_.push_back(in);
    cycles_.back().down.data = nullptr;
    if (!in.down.valid || in.down.data == nullptr) return;
    std::array<std::uint32_t, 16> words{};
    for (std::size_t i = 0; i < beat_bytes / 4; ++i) words[i] = in.down.data[i];
    data_.push_back(words);
    cycles_.back().down.data =
        data_.back().data();  // only marks that there is data; seal() makes it point right
  }
  std::uint64_t size() const { return cycles_.size(); }
  void clear() {
    cycles_.clear();
    data_.clear();
    recorded_beats_ = 0;
  }
  /// Keeps what the device answered while it was recorded, for comparison with replays.
  void count(const pcie::LinkDevice::Inputs& in, const pcie::LinkDevice::Outputs& out) {
    recorded_beats_ += out.up.valid && in.up_ready ? 1 : 0;
  }
  /// Upstream beats of the recorded run; a replay that is the same run sees as many.
  std::uint64_t recorded_beats() const { return recorded_beats_; }
  /// Makes the stored pointers valid; call once after recording.
  void seal() {
    std::size_t next = 0;
    for (auto& in : cycles_) {
      if (in.down.data != nullptr) in.down.data = data_[next++].data();
    }
  }
  /// Resets the device and drives all cycles. @return number of upstream beats seen, so that
  /// nothing is optimised away
  std::uint64_t replay(pcie::LinkDevice& device) const {
    std::uint64_t beats = 0;
    pcie::LinkDevice::Outputs out;
    device.reset();
    for (const auto& in : cycles_) {
      device.cycle(in, out);
      beats += out.up.valid && in.up_ready ? 1 : 0;
    }
    return beats;
  }

 private:
  std::vector<pcie::LinkDevice::Inputs> cycles_;
  std::vector<std::array<std::uint32_t, 16>> data_;
  std::uint64_t recorded_beats_ = 0;
};

class RecordingDevice final : public pcie::LinkDevice {
 public:
  RecordingDevice(pcie::LinkDevice& device, Stimulus& stimulus)
      : device_(device), stimulus_(stimulus) {}
  std::uint32_t beat_bytes() const override { return device_.beat_bytes(); }
  void reset() override {
    stimulus_.clear();
    device_.reset();
  }
  void cycle(const Inputs& in, Outputs& out) override {
    stimulus_.add(in, device_.beat_bytes());
    device_.cycle(in, out);
    stimulus_.count(in, out);
  }

 private:
  pcie::LinkDevice& device_;
  Stimulus& stimulus_;
};

}  // namespace siov::system
