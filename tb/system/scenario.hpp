// SPDX-License-Identifier: Apache-2.0
// Scenario: everything that defines one run, as plain data. app::load_scenario fills it from TOML;
// tests and bench fill it in code.
//
//   system::Scenario s;
//   s.seed = 7;
//   s.wqs.push_back({.shared = false, .size = 16});
//   s.tenants.push_back({.name = "a", .workload = {.descriptors = 100}});
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace siov::system {

/// Which implementation of the device runs behind the host.
enum class DeviceKind : std::uint8_t { kRtl, kModel, kNetlist };
/// How the PASID of a tenant is translated. @spec VT-d 3.4: PGTT values 001b..100b
enum class Translation : std::uint8_t { kFirstStage, kSecondStage, kNested, kPassThrough };
/// How a guest learns that a descriptor is done.
enum class WaitMode : std::uint8_t { kPoll, kInterrupt };
/// The build of the device. @spec dsa.md 0 (P1) is kDefault
enum class Personality : std::uint8_t { kSmall, kDefault, kLarge };

/// What a personality has, as far as a scenario must know. @spec dsa.md 2.2, 2.3
struct PersonalitySize {
  std::uint32_t wqs, groups, engines, entries, read_buffers;
  bool ims, opcfg, event_log;
};
PersonalitySize size_of(Personality personality);

/// What one operation of a trace does.
enum class OperationKind : std::uint8_t { kCopy, kMove, kFill, kCompare, kNoop };

/// Credits the host advertises for one class: headers and 16-byte data units.
struct Credits {
  std::uint32_t header = 64;
  std::uint32_t data = 1024;
};

struct LinkParameters {
  std::uint32_t latency_min = 500;  ///< host read latency [cycles]
  std::uint32_t latency_max = 500;  ///< [cycles]
  bool reorder = false;             ///< completions of different tags come in random order
  std::uint32_t rcb = 64;           ///< read completion boundary [bytes], 64 or 128
  std::uint32_t mps = 256;          ///< max payload size [bytes]
  std::uint32_t mrrs = 512;         ///< max read request size [bytes]
  Credits posted, nonposted, completion;
  std::uint32_t stall_permille = 0;  ///< chance that the host does not take a beat, 0..900 [1/1000]
};

/// One work queue of the device, in order of WQ number.
struct WqParameters {
  bool shared = false;
  std::uint32_t size = 16;      ///< entries
  std::uint32_t threshold = 0;  ///< limited-portal threshold of a shared WQ; 0: same as size
  std::uint32_t priority = 8;   ///< 1..15
  std::uint32_t group = 0;
  std::uint32_t max_transfer_log2 = 21;  ///< [bytes]
  std::uint32_t max_batch_log2 = 5;      ///< [members]
  std::uint64_t operations = 0;          ///< opcodes allowed, bit n is opcode n; 0: all
  bool block_on_fault = false;           ///< descriptors may wait for absent pages
  bool ats_disable = false;              ///< no translations asked for
  bool prs_disable = false;              ///< no pages asked for
};

struct GroupParameters {
  std::vector<std::uint32_t> engines;
  std::uint32_t traffic_class_a = 0, traffic_class_b = 0;
  std::uint32_t read_buffers_allowed = 0;  ///< 0: all
  std::uint32_t read_buffers_reserved = 0;
};

/// One recorded memory operation (one line of a trace file).
struct TraceOperation {
  OperationKind kind = OperationKind::kCopy;
  std::uint32_t bytes = 0;
  std::uint32_t src_page_offset = 0;  ///< [bytes], 0..4095
  std::uint32_t dst_page_offset = 0;  ///< [bytes], 0..4095
  std::uint8_t value = 0;             ///< fill byte
};

/// Relative frequency of each operation in a seeded mix, in the order of guest::OperationKind.
struct MixWeights {
  std::uint32_t copy = 4, move = 1, fill = 2, compare = 2, noop = 1;
  std::uint32_t fill16 = 0, compare_pattern = 0, create_delta = 0, apply_delta = 0, dualcast = 0;
  std::uint32_t crc = 0, copy_crc = 0, dif_check = 0, dif_insert = 0, dif_strip = 0;
  std::uint32_t dif_update = 0, cache_flush = 0, drain = 0;
};

/// Batches of a seeded mix.
struct BatchParameters {
  std::uint32_t share_permille = 0;          ///< of operations that are batches [1/1000]
  std::uint32_t size_min = 2, size_max = 8;  ///< members
  std::uint32_t fence_permille = 0;          ///< of members that wait for those before [1/1000]
};

/// Either a trace (file, and its operations once loaded) or a seeded mix.
struct WorkloadParameters {
  std::string trace;        ///< path as resolved; empty: mix
  std::uint64_t limit = 0;  ///< at most this many operations of the trace; 0: all
  std::vector<TraceOperation> operations = {};
  MixWeights mix = {};
  std::uint64_t descriptors = 0;  ///< length of the mix
  std::uint32_t size_min = 1;     ///< [bytes]
  std::uint32_t size_max = 4096;  ///< [bytes]
  BatchParameters batch = {};
  std::uint32_t bad_input_permille = 0;  ///< descriptors wrong on purpose [1/1000]
};

/// Whether the pages of a tenant's buffers are always in its tables.
struct PagingParameters {
  bool demand = false;                ///< some are absent until they are needed
  std::uint32_t absent_permille = 0;  ///< share of pages absent until first needed [1/1000]
  std::uint32_t evict = 0;            ///< pages taken away again in 1000 cycles
};

struct TenantParameters {
  std::string name;
  std::uint32_t vm = 0;
  bool on_second = false;  ///< begins on the second host; queue numbers are those of its device
  bool shared = false;     ///< mode of the VDEV's queue: a share of a shared WQ, or a dedicated WQ
  std::uint32_t wq = 0;
  std::vector<std::uint32_t> queues = {};  ///< of a VDEV with several; wq is not used then
  bool any_wq = false;    ///< the host chooses among the queues of that mode; wq is not used
  bool emulated = false;  ///< no hardware: software does the work; wq is not used
  bool interrupt_entries = true;  ///< else the guest has no interrupts and polls for everything
  Translation translation = Translation::kFirstStage;
  std::uint32_t levels = 4;  ///< levels of the table that translates, 4 or 5
  bool large_pages = false;  ///< 2 MiB instead of 4 KiB
  PagingParameters paging = {};
  WorkloadParameters workload = {};
  std::uint32_t window = 8;  ///< descriptors in flight
  WaitMode wait = WaitMode::kPoll;
  std::uint32_t interrupt_permille =
      0;  ///< share of descriptors that ask for an interrupt when polling [1/1000]
};

/// VDEVs that come and go while the tenants work; each lane has one at a time, in a VM of its own.
struct ChurnParameters {
  std::uint32_t lanes = 0;                 ///< 0: none
  std::uint32_t lives = 4;                 ///< VMs of a lane, one after the other
  std::uint32_t events = 4;                ///< in one life
  std::uint32_t descriptors = 40;          ///< that a guest plays around each event
  std::uint32_t window = 4;                ///< descriptors in flight
  std::uint32_t size_max = 2048;           ///< [bytes]
  std::uint32_t pause = 2;                 ///< weights of events: pause, go on
  std::uint32_t move = 1;                  ///< pause, save, restore into another VDEV, go on there
  std::uint32_t reset = 1;                 ///< with work in flight; the guest begins again
  std::uint32_t quiet = 1;                 ///< nothing
  std::uint32_t dedicated_permille = 250;  ///< lives that ask for a dedicated queue
  std::uint32_t emulated_permille = 100;   ///< that ask for an emulated one; the others share
  std::uint32_t killed_permille = 500;     ///< that end with work in flight
  [[nodiscard]] std::uint64_t planned() const {
    return std::uint64_t{lanes} * lives * events * descriptors;
  }
};

/// Another host with a device of its own, with other memory, queues, interrupt entries and PASIDs.
struct SecondHost {
  bool present = false;
  Personality personality = Personality::kDefault;
  std::vector<WqParameters> wqs = {};
  std::vector<GroupParameters> groups = {};
  std::uint32_t reserved_interrupts = 0;  ///< interrupt entries that nobody gets
};

/// Where a migration is given up on purpose.
enum class CancelPhase : std::uint8_t { kNever, kChecked, kPreCopied, kPaused, kStopped, kLoaded };

/// A VM that goes from host to host with all its VDEVs while its tenants work.
struct MigrationParameters {
  std::uint32_t vm = 0;
  std::uint32_t times = 1;          ///< there, back, there again, ...
  std::uint32_t after_min = 20000;  ///< from the start of the work, or the last arrival [cycles]
  std::uint32_t after_max = 20000;
  std::uint32_t rounds = 8;                  ///< of copying while it runs, at most
  std::uint32_t stop_pages = 64;             ///< few enough to stop for [4 KiB pages]
  std::uint32_t bandwidth = 100'000;         ///< between the hosts [bytes/us]
  CancelPhase cancel = CancelPhase::kNever;  ///< each first attempt ends here
  bool refused = false;                      ///< the other host has no place for it
};

/// What the host software does wrong on purpose. @spec vtd.md 5.6, 7.3; siov.md 2.4, 3.8
enum class Mistake : std::uint8_t {
  kKeepDeviceTlb,          ///< pages are taken away without invalidation of the device's cache
  kKeepIotlb,              ///< without invalidation of the IOMMU's cache
  kNoWait,                 ///< contents move before the invalidations are complete
  kNoPageResponse,         ///< page requests are never answered
  kSecondPageResponse,     ///< each page group is answered twice
  kSuccessWithoutMapping,  ///< pages are promised and not brought in
  kDropHeld,               ///< what was submitted to a paused VDEV is forgotten
  kReplayTwice,            ///< it is submitted twice
  kSaveBeforeDrain,        ///< a VDEV is saved while its work is under way
  kMissDirtyPages,         ///< pages that devices wrote are not copied again
};
/// What a scenario must have for a mistake to matter.
enum class MistakeNeeds : std::uint8_t { kPaging, kPageRequests, kMigration };
struct MistakeName {
  std::string_view name;  ///< as scenario files say
  Mistake mistake;
  MistakeNeeds needs;
};
const std::vector<MistakeName>& mistake_names();

/// What the host does besides its duty.
struct HostParameters {
  std::uint32_t invalidations = 0;       ///< of pages in use, in 1000 cycles, all tenants together
  std::uint32_t page_latency_min = 500;  ///< to bring in a page [cycles]
  std::uint32_t page_latency_max = 2000;
  std::uint32_t page_requests = 0;  ///< that the device may have outstanding; 0: as many as it can
  /// Host PASIDs come in a seeded order from 1..0xFFFFF, not ascending from 0x8001.
  bool scatter_pasids = false;
  std::vector<Mistake> mistakes = {};
  [[nodiscard]] bool makes(Mistake mistake) const;
};

/// Runs of one scenario that differ in how the device gets at memory.
enum class TranslationMode : std::uint8_t {
  kOff,  ///< untranslated requests only
  kAts,  ///< translations asked for and cached; all pages present
  kPri,  ///< and pages asked for: of what can be absent at least 30 % is, until first needed
};

/// A broken device, simulated between device and host: see siov-cosim list-injections.
struct Injection {
  std::string name;
};

struct Scenario {
  std::string name = "unnamed";
  std::string file;  ///< path as given; empty when built in code
  std::uint64_t seed = 1;
  std::uint64_t length = 0;      ///< at most this many operations of each tenant; 0: no limit
  std::uint64_t max_cycles = 0;  ///< give up after this many clock cycles; 0: derived from the work
  Personality personality = Personality::kDefault;
  bool event_log = false;  ///< software errors go to the event log
  bool ats = false;        ///< address translation services
  bool pri = false;        ///< page requests; needs ats
  HostParameters host = {};
  LinkParameters link;
  std::vector<WqParameters> wqs;
  std::vector<GroupParameters> groups;
  std::vector<TenantParameters> tenants;
  ChurnParameters churn = {};
  SecondHost second = {};
  std::vector<MigrationParameters> migrations = {};
  std::vector<Injection> injections;
};

/// A 64-bit seed for the random stream `name` of a run. The same pair means the same stream on
/// every machine.
std::uint64_t derive_seed(std::uint64_t seed, std::string_view name);

std::string_view to_string(DeviceKind kind);
std::string_view to_string(Translation translation);
std::string_view to_string(Personality personality);
std::string_view to_string(CancelPhase phase);

/// The scenario as one host sees it: its own device, seeds of its own. Tenants are all there.
/// @param host  0, or 1 for the second one
Scenario scenario_of_host(const Scenario& scenario, std::uint8_t host);

/// Queues of the device that a tenant begins on.
const std::vector<WqParameters>& wqs_of(const Scenario& scenario, const TenantParameters& tenant);
/// The migrations of a VM; nullptr if it stays where it is.
const MigrationParameters* migration_of(const Scenario& scenario, std::uint32_t vm);

/// Rewrites a scenario for a mode; pages of pass-through tenants are always present.
void set_translation_mode(Scenario& scenario, TranslationMode mode);

/// Dedicated queues that a tenant's VDEV takes.
std::uint32_t dedicated_queues(const Scenario& scenario, const TenantParameters& tenant);

/// Limits that hold for a tenant wherever the host puts it: of its queue, or of all queues of its
/// mode; of an emulated queue what software can do.
WqParameters queue_of(const Scenario& scenario, const TenantParameters& tenant);

/// Operations of this tenant that will run, after limit and length.
std::uint64_t planned_descriptors(const Scenario& scenario, const TenantParameters& tenant);

}  // namespace siov::system
