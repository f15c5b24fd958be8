// SPDX-License-Identifier: Apache-2.0
// Construction of the device side and the small adapters between its parts.
#include "system/device_side.hpp"

#include <array>

#include "common/error.hpp"

namespace siov::system {

namespace {
model::DeviceConfig model_config(Personality personality) {
  switch (personality) {
    case Personality::kSmall:
      return model::DeviceConfig::small();
    case Personality::kLarge:
      return model::DeviceConfig::large();
    case Personality::kDefault:
      break;
  }
  return model::DeviceConfig{};
}
}  // namespace

/// Hashes what the model does to memory; it has no TLPs.
class DeviceSide::ModelDigest final : public model::DmaObserver {
 public:
  void on_read(const port::DmaRequest& request, std::uint64_t bytes, port::DmaStatus status,
               std::span<const std::byte> data) override {
    static_cast<void>(data);
    head(1, request, bytes + (static_cast<std::uint64_t>(status) << 32));
  }
  void on_write(const port::DmaRequest& request, std::span<const std::byte> data) override {
    head(2, request, data.size());
    digest.add(data.data(), data.size());
  }
  void on_interrupt(Iova address, std::uint32_t data) override {
    port::DmaRequest request;
    request.address = address;
    head(3, request, data);
  }
  check::Digest digest;
  std::uint64_t transactions = 0;

 private:
  void head(std::uint64_t kind, const port::DmaRequest& request, std::uint64_t word) {
    ++transactions;
    const std::uint64_t pasid = request.pasid ? request.pasid->value | 0x80000000U : 0U;
    const std::array<std::uint64_t, 4> words{kind, request.address.value, pasid, word};
    std::array<unsigned char, 32> bytes{};  // little-endian on every machine
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<unsigned char>(words[i / 8] >> (8 * (i % 8)));
    }
    digest.add(bytes.data(), bytes.size());
  }
};

/// Several injections one after the other on the same TLP.
class DeviceSide::Mutators final : public pcie::TlpMutator {
 public:
  explicit Mutators(const std::vector<std::unique_ptr<check::Injector>>& all) : all_(all) {}
  void mutate(pcie::Tlp& tlp, std::vector<pcie::Tlp>& extra, bool& drop) override {
    for (const auto& injector : all_) {
      if (!drop) injector->mutate(tlp, extra, drop);
    }
  }
  void mutate_down(pcie::Tlp& tlp) override {
    for (const auto& injector : all_) injector->mutate_down(tlp);
  }

 private:
  const std::vector<std::unique_ptr<check::Injector>>& all_;
};

DeviceSide::DeviceSide(HostSide& host, coro::Scheduler& scheduler, const Scenario& scenario,
                       const DeviceOptions& options)
    : host_(host) {
  if (options.kind == DeviceKind::kModel) {
    model::DeviceConfig config = model_config(scenario.personality);
    config.requester = host.function;
    model_ = std::make_unique<model::DeviceModel>(host.iommu, scheduler, config);
    model_digest_ = std::make_unique<ModelDigest>();
    model_->set_observer(model_digest_.get());
    model_->set_ats_host(&host.iommu);
    host.iommu.set_device_port(model_.get());
    return;
  }
  build_link(host, scheduler, scenario, options);
}

DeviceSide::~DeviceSide() {
  host_.iommu.set_device_port(nullptr);
  if (device_) device_->stop_trace();
}

void DeviceSide::build_link(HostSide& host, coro::Scheduler& scheduler, const Scenario& scenario,
                            const DeviceOptions& options) {
  device_ = make_link_device(options.kind, options.waves, scenario.personality);
  if (options.wrap) wrapper_ = options.wrap(*device_);
  pcie::LinkDevice& link = wrapper_ ? *wrapper_ : *device_;

  const LinkParameters& p = scenario.link;
  pcie::LinkConfig config;
  config.bdf = host.function;
  config.read_latency_min = p.latency_min;
  config.read_latency_max = p.latency_max;
  config.reorder_completions = p.reorder;
  config.rcb = p.rcb;
  config.max_payload = p.mps;
  config.max_read_request = p.mrrs;
  config.up_stall_permille = p.stall_permille;
  config.up_credits.posted_header = static_cast<std::uint8_t>(p.posted.header);
  config.up_credits.posted_data = static_cast<std::uint16_t>(p.posted.data);
  config.up_credits.nonposted_header = static_cast<std::uint8_t>(p.nonposted.header);
  config.up_credits.nonposted_data = static_cast<std::uint16_t>(p.nonposted.data);
  config.up_credits.completion_header = static_cast<std::uint8_t>(p.completion.header);
  config.up_credits.completion_data = static_cast<std::uint16_t>(p.completion.data);
  config.seed = derive_seed(scenario.seed, "link");
  root_ = std::make_unique<pcie::RootComplex>(link, host.iommu, scheduler, config, &host.iommu);
  host.iommu.set_device_port(root_.get());

  if (options.checks) {
    check::Config judge;
    judge.memory = &host.view;
    judge.period = scheduler.clock_period();
    judge.host_rcb = p.rcb;
    judge.host_max_payload = p.mps;
    referee_ = std::make_unique<check::Referee>(judge);
    root_->add_sink(*referee_);
    root_->add_credit_sink(*referee_);
    scheduler.add_clocked(*referee_);
  }
  for (const Injection& i : scenario.injections) {
    injectors_.push_back(
        std::make_unique<check::Injector>(i.name, derive_seed(scenario.seed, "inject " + i.name)));
  }
  if (!injectors_.empty()) {
    mutators_ = std::make_unique<Mutators>(injectors_);
    root_->set_mutator(mutators_.get());
  }
  root_->reset();
}

port::DevicePort& DeviceSide::port() {
  if (model_) return *model_;
  return *root_;
}

bool DeviceSide::idle() const {
  if (model_) return model_->idle();
  return root_->idle() && root_->reads_in_flight() == 0;
}

void DeviceSide::end_of_test(std::uint64_t cycle) {
  if (ended_) return;
  ended_ = true;
  if (referee_) referee_->end_of_test(cycle);
  if (device_) device_->stop_trace();
}

void DeviceSide::stop_waves() {
  if (device_) device_->stop_trace();
}

std::uint64_t DeviceSide::tlps_up() const {
  return model_ ? model_digest_->transactions : root_->statistics().tlps_up;
}
std::uint64_t DeviceSide::tlps_down() const { return model_ ? 0 : root_->statistics().tlps_down; }
std::uint64_t DeviceSide::violations() const {
  const std::uint64_t rules = referee_ ? referee_->report().total() : 0;
  return rules + framing_errors() + (device_ && !device_->assertion_failure().empty() ? 1 : 0);
}
std::uint64_t DeviceSide::framing_errors() const {
  return root_ ? root_->statistics().framing_errors : 0;
}
std::string DeviceSide::assertion_failure() const {
  return device_ ? device_->assertion_failure() : std::string();
}

std::string DeviceSide::digest() const {
  if (model_) return model_digest_->digest.hex();
  return referee_ ? referee_->digest() : std::string();
}

std::vector<std::string> DeviceSide::unfired() const {
  std::vector<std::string> names;
  for (const auto& injector : injectors_) {
    if (!injector->fired()) names.emplace_back(injector->injection().name);
  }
  return names;
}

}  // namespace siov::system
