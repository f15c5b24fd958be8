// SPDX-License-Identifier: Apache-2.0
// TOML reader of scenarios. The only source that includes toml++ (it is slow to compile).
#include "app/scenario_file.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <set>
#include <sstream>
#include <vector>

#include "app/injection_names.hpp"
#include "app/input_error.hpp"
#include "app/trace_file.hpp"

namespace siov::app {
namespace {

using system::Scenario;

/// Operations that a work queue may be limited to: names and opcodes. @spec dsa.md 5.2.1
struct OpcodeName {
  const char* name;
  unsigned opcode;
};
constexpr OpcodeName kOpcodes[] = {{"noop", 0x00},
                                   {"batch", 0x01},
                                   {"drain", 0x02},
                                   {"move", 0x03},
                                   {"fill", 0x04},
                                   {"compare", 0x05},
                                   {"compare_pattern", 0x06},
                                   {"create_delta", 0x07},
                                   {"apply_delta", 0x08},
                                   {"dualcast", 0x09},
                                   {"crc", 0x10},
                                   {"copy_crc", 0x11},
                                   {"dif_check", 0x12},
                                   {"dif_insert", 0x13},
                                   {"dif_strip", 0x14},
                                   {"dif_update", 0x15},
                                   {"cache_flush", 0x20}};

/// One table of the file: typed, ranged access; finish() rejects keys nobody asked for.
class Section {
 public:
  Section(const std::string& file, const toml::table& table, std::string path)
      : file_(file), table_(table), path_(std::move(path)) {}

  [[noreturn]] void fail(const std::string& key, const toml::node* node,
                         const std::string& expected) const {
    const toml::source_region& region = node != nullptr ? node->source() : table_.source();
    throw InputError(file_, region.begin.line, name(key), expected);
  }
  [[noreturn]] void fail(const std::string& key, const std::string& expected) const {
    fail(key, table_.get(key), expected);
  }

  template <class T>
  void integer(const std::string& key, T& out, std::uint64_t low, std::uint64_t high) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    const std::string expected =
        "a whole number from " + std::to_string(low) + " to " + std::to_string(high);
    out = static_cast<T>(in_range(key, *node, low, high, expected));
  }
  template <class T>
  void one_of(const std::string& key, T& out, std::initializer_list<std::uint64_t> values) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    std::string expected = "one of";
    for (const std::uint64_t v : values) expected += " " + std::to_string(v);
    const std::uint64_t value = in_range(key, *node, 0, ~std::uint64_t{0} >> 1, expected);
    for (const std::uint64_t v : values) {
      if (v == value) {
        out = static_cast<T>(value);
        return;
      }
    }
    fail(key, node, expected + ", found " + std::to_string(value));
  }
  void boolean(const std::string& key, bool& out) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    if (!node->is_boolean()) fail(key, node, "true or false, found " + text(*node));
    out = node->as_boolean()->get();
  }
  /// A share 0..1, kept in thousandths.
  void permille(const std::string& key, std::uint32_t& out) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    double value = -1;
    if (const auto* f = node->as_floating_point()) value = f->get();
    if (const auto* i = node->as_integer()) value = static_cast<double>(i->get());
    if (!(value >= 0 && value <= 1))
      fail(key, node, "a share from 0.0 to 1.0, found " + text(*node));
    out = static_cast<std::uint32_t>(value * 1000 + 0.5);
  }
  void string(const std::string& key, std::string& out) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    if (!node->is_string() || node->as_string()->get().empty()) {
      fail(key, node, "a text that is not empty, found " + text(*node));
    }
    out = node->as_string()->get();
  }
  /// @return index of the chosen word, or `missing` when the key is absent.
  std::size_t word(const std::string& key, std::initializer_list<const char*> words,
                   std::size_t missing) {
    const toml::node* node = find(key);
    if (node == nullptr) return missing;
    std::string expected = "one of";
    for (const char* w : words) expected += std::string(" \"") + w + "\"";
    if (node->is_string()) {
      std::size_t index = 0;
      for (const char* w : words) {
        if (node->as_string()->get() == w) return index;
        ++index;
      }
    }
    fail(key, node, expected + ", found " + text(*node));
  }
  std::vector<std::uint64_t> integers(const std::string& key, std::size_t least, std::size_t most,
                                      std::uint64_t low, std::uint64_t high) {
    std::vector<std::uint64_t> values;
    const toml::node* node = find(key);
    if (node == nullptr) return values;
    const std::string count = least == most ? std::to_string(least)
                                            : std::to_string(least) + " to " + std::to_string(most);
    const std::string expected = "a list of " + count + " whole numbers from " +
                                 std::to_string(low) + " to " + std::to_string(high);
    const toml::array* array = node->as_array();
    if (array == nullptr || array->size() < least || array->size() > most) {
      fail(key, node, expected);
    }
    for (const toml::node& item : *array)
      values.push_back(in_range(key, item, low, high, expected));
    return values;
  }
  const toml::table* table(const std::string& key) {
    const toml::node* node = find(key);
    if (node != nullptr && !node->is_table()) fail(key, node, "a table, found " + text(*node));
    return node == nullptr ? nullptr : node->as_table();
  }
  const toml::array* array(const std::string& key, const std::string& of) {
    const toml::node* node = find(key);
    if (node != nullptr && !node->is_array()) fail(key, node, of + ", found " + text(*node));
    return node == nullptr ? nullptr : node->as_array();
  }
  Section sub(const std::string& key, const toml::table& inner) const {
    return Section(file_, inner, name(key));
  }
  bool has(const std::string& key) const { return table_.contains(key); }
  bool is_text(const std::string& key) const {
    const toml::node* node = table_.get(key);
    return node != nullptr && node->is_string();
  }
  void require(const std::string& key, const std::string& expected) const {
    if (!has(key)) fail(key, nullptr, expected + "; the key is missing");
  }
  void finish() const {
    for (const auto& [key, node] : table_) {
      const std::string text_key(key.str());
      if (asked_.contains(text_key)) continue;
      std::string known;
      for (const std::string& k : asked_) known += (known.empty() ? "" : ", ") + k;
      throw InputError(file_, key.source().begin.line, name(text_key), "one of the keys " + known);
    }
  }
  static std::string text(const toml::node& node) {
    std::ostringstream out;
    if (node.is_table() || node.is_array()) {
      out << "a " << node.type();
    } else {
      node.visit([&out](const auto& n) { out << n; });
    }
    return out.str();
  }

 private:
  std::string name(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }
  const toml::node* find(const std::string& key) {
    asked_.insert(key);
    return table_.get(key);
  }
  std::uint64_t in_range(const std::string& key, const toml::node& node, std::uint64_t low,
                         std::uint64_t high, const std::string& expected) const {
    const auto* i = node.as_integer();
    if (i == nullptr || i->get() < 0 || static_cast<std::uint64_t>(i->get()) < low ||
        static_cast<std::uint64_t>(i->get()) > high) {
      fail(key, &node, expected + ", found " + text(node));
    }
    return static_cast<std::uint64_t>(i->get());
  }

  const std::string& file_;
  const toml::table& table_;
  std::string path_;
  std::set<std::string> asked_;
};

/// Calls `each(section, index)` for every table of an array of tables.
template <class F>
void each_table(Section& parent, const std::string& key, F each) {
  const toml::array* list = parent.array(key, "an array of tables [[" + key + "]]");
  if (list == nullptr) return;
  std::size_t index = 0;
  for (const toml::node& node : *list) {
    const std::string item = key + "[" + std::to_string(index) + "]";
    if (!node.is_table()) parent.fail(item, &node, "a table, found " + Section::text(node));
    Section section = parent.sub(item, *node.as_table());
    each(section, index++);
  }
}

void read_credits(Section& section, const char* prefix, system::Credits& out) {
  section.integer(std::string(prefix) + "_header", out.header, 1, 127);
  section.integer(std::string(prefix) + "_data", out.data, 32, 2047);
}

void read_link(Section section, system::LinkParameters& link) {
  const auto latency = section.integers("latency", 1, 2, 1, 100000);
  if (!latency.empty()) {
    link.latency_min = static_cast<std::uint32_t>(latency.front());
    link.latency_max = static_cast<std::uint32_t>(latency.back());
    if (link.latency_min > link.latency_max)
      section.fail("latency", "[least, most], found most < least");
  }
  section.boolean("reorder", link.reorder);
  section.one_of("rcb", link.rcb, {64, 128});
  section.one_of("mps", link.mps, {128, 256, 512});
  section.one_of("mrrs", link.mrrs, {128, 256, 512, 1024, 2048, 4096});
  section.integer("stall_permille", link.stall_permille, 0, 900);
  if (const toml::table* t = section.table("credits")) {
    Section credits = section.sub("credits", *t);
    read_credits(credits, "posted", link.posted);
    read_credits(credits, "nonposted", link.nonposted);
    read_credits(credits, "completion", link.completion);
    credits.finish();
  }
  section.finish();
}

std::uint64_t read_operations(Section& wq) {
  const toml::array* list = wq.array("operations", "a list of names of operations");
  if (list == nullptr) return 0;
  std::uint64_t mask = 0;
  for (const toml::node& node : *list) {
    const std::string name = node.is_string() ? node.as_string()->get() : Section::text(node);
    const auto* known = std::find_if(std::begin(kOpcodes), std::end(kOpcodes),
                                     [&](const OpcodeName& o) { return name == o.name; });
    if (known == std::end(kOpcodes)) {
      std::string expected = "names out of";
      for (const OpcodeName& o : kOpcodes) expected += std::string(" ") + o.name;
      wq.fail("operations", &node, expected + ", found " + name);
    }
    mask |= std::uint64_t{1} << known->opcode;
  }
  if (mask == 0) wq.fail("operations", "at least one operation");
  return mask;
}

/// The combinations that Enable WQ accepts. @spec dsa.md 3.3 (0x25)
void read_fault_keys(Section& wq, const Scenario& scenario, system::WqParameters& p) {
  wq.boolean("block_on_fault", p.block_on_fault);
  wq.boolean("ats_disable", p.ats_disable);
  wq.boolean("prs_disable", p.prs_disable);
  if (p.ats_disable && !scenario.ats) wq.fail("ats_disable", "false, because ATS is off");
  if (p.prs_disable && !scenario.pri) wq.fail("prs_disable", "false, because PRI is off");
  if (p.block_on_fault && !scenario.pri)
    wq.fail("block_on_fault", "false, because PRI is off (device.pri)");
  if (p.block_on_fault && (p.ats_disable || p.prs_disable))
    wq.fail("block_on_fault", "false, because ATS or PRS of the queue is disabled");
}

/// Queues and groups of one device.
void read_lists(Section& section, const Scenario& scenario, system::Personality personality,
                std::vector<system::WqParameters>& wqs,
                std::vector<system::GroupParameters>& groups_of_device) {
  const system::PersonalitySize device = system::size_of(personality);
  const std::string total = std::to_string(device.entries);
  std::uint32_t entries = 0;
  each_table(section, "wq", [&](Section& wq, std::size_t) {
    if (wqs.size() >= device.wqs)
      wq.fail("size", "at most " + std::to_string(device.wqs) + " work queues");
    system::WqParameters p;
    wq.require("mode", "\"dedicated\" or \"shared\"");
    p.shared = wq.word("mode", {"dedicated", "shared"}, 0) == 1;
    wq.integer("size", p.size, 1, device.entries);
    p.threshold = p.size;
    wq.integer("threshold", p.threshold, 0, device.entries);
    wq.integer("priority", p.priority, 1, 15);
    wq.integer("group", p.group, 0, device.groups - 1);
    wq.integer("max_transfer_log2", p.max_transfer_log2, 12, 31);
    wq.integer("max_batch_log2", p.max_batch_log2, 1, 10);
    p.operations = read_operations(wq);
    read_fault_keys(wq, scenario, p);
    if (p.operations != 0 && !device.opcfg)
      wq.fail("operations", "no such key: this personality has no masks of operations");
    const std::size_t room = device.wqs - wqs.size();
    std::uint32_t count = 1;
    wq.integer("count", count, 1, device.wqs);
    if (count > room)
      wq.fail("count", "at most " + std::to_string(device.wqs) + " work queues in all");
    const auto groups = wq.integers("groups", 1, device.groups, 0, device.groups - 1);
    if (!groups.empty() && wq.has("group")) wq.fail("groups", "either group or groups, found both");
    entries += p.size * count;
    if (entries > device.entries)
      wq.fail("size", "at most " + total + " entries in all work queues together");
    wq.finish();
    for (std::uint32_t i = 0; i < count; ++i) {
      if (!groups.empty()) p.group = static_cast<std::uint32_t>(groups[i % groups.size()]);
      wqs.push_back(p);
    }
  });
  std::set<std::uint64_t> used;
  std::uint32_t reserved = 0;
  each_table(section, "group", [&](Section& group, std::size_t index) {
    if (index >= device.groups)
      group.fail("engines", "at most " + std::to_string(device.groups) + " groups");
    const std::uint32_t last = device.engines - 1;
    group.require("engines", "a list of engine numbers 0 to " + std::to_string(last));
    system::GroupParameters p;
    group.integer("traffic_class_a", p.traffic_class_a, 0, 7);
    group.integer("traffic_class_b", p.traffic_class_b, 0, 7);
    group.integer("read_buffers", p.read_buffers_allowed, 4, device.read_buffers);
    group.integer("read_buffers_reserved", p.read_buffers_reserved, 0, device.read_buffers);
    for (const std::uint64_t e : group.integers("engines", 1, device.engines, 0, last)) {
      if (!used.insert(e).second) group.fail("engines", "each engine in one group only");
      p.engines.push_back(static_cast<std::uint32_t>(e));
    }
    // The rules behind error 0x18 of Enable Device (dsa.md 3.3).
    const std::uint32_t allowed =
        p.read_buffers_allowed == 0 ? device.read_buffers : p.read_buffers_allowed;
    if (allowed < 4 * p.engines.size())
      group.fail("read_buffers", "at least 4 for each engine of the group");
    if (p.read_buffers_reserved > allowed)
      group.fail("read_buffers_reserved", "at most read_buffers");
    reserved += p.read_buffers_reserved;
    if (reserved > device.read_buffers)
      group.fail("read_buffers_reserved",
                 "at most " + std::to_string(device.read_buffers) + " in all groups together");
    group.finish();
    groups_of_device.push_back(p);
  });
  if (groups_of_device.empty()) {
    groups_of_device.emplace_back();
    for (std::uint32_t e = 0; e < device.engines; ++e) groups_of_device.back().engines.push_back(e);
  }
  for (const system::WqParameters& wq : wqs) {
    if (wq.group >= groups_of_device.size()) {
      section.fail(
          "wq", "every work queue in an existing group, found group " + std::to_string(wq.group));
    }
  }
}

void read_device(Section section, Scenario& scenario) {
  scenario.personality = static_cast<system::Personality>(
      section.word("personality", {"small", "default", "large"}, 1));
  section.boolean("event_log", scenario.event_log);
  if (scenario.event_log && !system::size_of(scenario.personality).event_log)
    section.fail("event_log", "false, because this personality has no event log");
  section.boolean("ats", scenario.ats);
  section.boolean("pri", scenario.pri);
  if (scenario.pri && !scenario.ats)
    section.fail("pri", "false, because page requests need ATS (device.ats)");
  read_lists(section, scenario, scenario.personality, scenario.wqs, scenario.groups);
  section.finish();
}

/// Another host with a device of its own.
void read_second(Section section, Scenario& scenario) {
  system::SecondHost& second = scenario.second;
  second.present = true;
  second.personality = static_cast<system::Personality>(
      section.word("personality", {"small", "default", "large"}, 1));
  section.integer("reserved_interrupts", second.reserved_interrupts, 0, 1024);
  section.require("wq", "at least one [[second.wq]]");
  read_lists(section, scenario, second.personality, second.wqs, second.groups);
  if (second.wqs.empty()) section.fail("wq", "at least one [[second.wq]]");
  section.finish();
}

/// @return sum of the weights
std::uint64_t read_mix(Section& mix, system::MixWeights& m) {
  struct Weight {
    const char* key;
    std::uint32_t* value;
  };
  const Weight weights[] = {{"copy", &m.copy},
                            {"move", &m.move},
                            {"fill", &m.fill},
                            {"compare", &m.compare},
                            {"noop", &m.noop},
                            {"fill16", &m.fill16},
                            {"compare_pattern", &m.compare_pattern},
                            {"create_delta", &m.create_delta},
                            {"apply_delta", &m.apply_delta},
                            {"dualcast", &m.dualcast},
                            {"crc", &m.crc},
                            {"copy_crc", &m.copy_crc},
                            {"dif_check", &m.dif_check},
                            {"dif_insert", &m.dif_insert},
                            {"dif_strip", &m.dif_strip},
                            {"dif_update", &m.dif_update},
                            {"cache_flush", &m.cache_flush},
                            {"drain", &m.drain}};
  std::uint64_t sum = 0;
  for (const Weight& w : weights) {
    *w.value = 0;
    mix.integer(w.key, *w.value, 0, 1000);
    sum += *w.value;
  }
  mix.finish();
  return sum;
}

void read_batch(Section section, system::BatchParameters& batch) {
  section.require("share", "a share from 0.0 to 1.0");
  section.permille("share", batch.share_permille);
  const auto sizes = section.integers("size", 2, 2, 2, 1024);
  if (!sizes.empty()) {
    batch.size_min = static_cast<std::uint32_t>(sizes[0]);
    batch.size_max = static_cast<std::uint32_t>(sizes[1]);
    if (batch.size_min > batch.size_max) section.fail("size", "[least, most], found most < least");
  }
  section.permille("fence", batch.fence_permille);
  section.finish();
}

void read_workload(Section section, system::WorkloadParameters& work) {
  if (section.has("trace") == section.has("mix")) {
    section.fail("trace", section.has("trace") ? "either trace or mix, found both"
                                               : "either trace or mix, found neither");
  }
  if (section.has("trace")) {
    section.string("trace", work.trace);
    section.integer("limit", work.limit, 0, 1000000000);
    section.finish();
    return;
  }
  if (const toml::table* t = section.table("mix")) {
    Section mix = section.sub("mix", *t);
    if (read_mix(mix, work.mix) == 0) section.fail("mix", "at least one weight above 0");
  }
  if (const toml::table* t = section.table("batch")) {
    read_batch(section.sub("batch", *t), work.batch);
  }
  section.permille("bad_input", work.bad_input_permille);
  section.require("descriptors", "a whole number from 1 to 1000000000");
  section.integer("descriptors", work.descriptors, 1, 1000000000);
  const auto sizes = section.integers("sizes", 2, 2, 1, kMaxTraceBytes);
  if (!sizes.empty()) {
    work.size_min = static_cast<std::uint32_t>(sizes[0]);
    work.size_max = static_cast<std::uint32_t>(sizes[1]);
    if (work.size_min > work.size_max) section.fail("sizes", "[least, most], found most < least");
  }
  section.finish();
}

/// A workload must fit its queue: sizes, batches and operations.
void check_workload(Section& section, const system::WqParameters& wq,
                    const system::WorkloadParameters& work) {
  const std::uint64_t limit = std::uint64_t{1} << wq.max_transfer_log2;
  if (!work.trace.empty()) return;
  if (work.size_max > limit)
    section.fail("sizes", "at most the " + std::to_string(limit) + " bytes of the work queue");
  if (work.batch.share_permille != 0 && work.batch.size_max > 1U << wq.max_batch_log2)
    section.fail("batch", "at most the " + std::to_string(1U << wq.max_batch_log2) +
                              " members of the work queue");
  if (wq.operations == 0) return;
  const system::MixWeights& m = work.mix;
  const std::uint32_t weights[] = {m.noop,
                                   work.batch.share_permille,
                                   m.drain,
                                   m.copy + m.move,
                                   m.fill + m.fill16,
                                   m.compare,
                                   m.compare_pattern,
                                   m.create_delta,
                                   m.apply_delta,
                                   m.dualcast,
                                   m.crc,
                                   m.copy_crc,
                                   m.dif_check,
                                   m.dif_insert,
                                   m.dif_strip,
                                   m.dif_update,
                                   m.cache_flush};
  for (std::size_t i = 0; i < std::size(kOpcodes); ++i) {
    if (weights[i] != 0 && (wq.operations >> kOpcodes[i].opcode & 1) == 0)
      section.fail("mix",
                   std::string("only operations of the work queue, found ") + kOpcodes[i].name);
  }
}

void read_paging(Section& section, const Scenario& scenario, system::TenantParameters& tenant) {
  system::PagingParameters& paging = tenant.paging;
  paging.demand = section.word("paging", {"pinned", "demand"}, 0) == 1;
  const bool has_share = section.has("absent"), has_rate = section.has("evict");
  if (paging.demand) paging.absent_permille = 300;
  section.permille("absent", paging.absent_permille);
  section.integer("evict", paging.evict, 0, 100);
  if (!paging.demand && has_share) section.fail("absent", "no such key: paging is not \"demand\"");
  if (!paging.demand && has_rate) section.fail("evict", "no such key: paging is not \"demand\"");
  if (!paging.demand) return;
  if (tenant.translation == system::Translation::kPassThrough)
    section.fail("paging", "\"pinned\", because pass-through has no tables");
  // Without ATS the device does not learn that a posted write was refused (dsa.md 5.7).
  if (!scenario.ats || tenant.emulated || system::queue_of(scenario, tenant).ats_disable)
    section.fail("paging", "\"pinned\", because ATS of the device or the work queue is off");
}

void read_host(Section section, Scenario& scenario) {
  system::HostParameters& host = scenario.host;
  section.integer("invalidations", host.invalidations, 0, 1000);
  const auto latency = section.integers("page_latency", 1, 2, 1, 100000);
  if (!latency.empty()) {
    host.page_latency_min = static_cast<std::uint32_t>(latency.front());
    host.page_latency_max = static_cast<std::uint32_t>(latency.back());
    if (host.page_latency_min > host.page_latency_max)
      section.fail("page_latency", "[least, most], found most < least");
  }
  host.scatter_pasids = section.word("pasids", {"ascending", "scattered"}, 0) == 1;
  section.integer("page_requests", host.page_requests, 0, 512);
  if (host.page_requests != 0 && !scenario.pri)
    section.fail("page_requests", "no such key: PRI is off (device.pri)");
  const bool demand =
      std::any_of(scenario.tenants.begin(), scenario.tenants.end(),
                  [](const system::TenantParameters& t) { return t.paging.demand; });
  if (const toml::array* list = section.array("mistakes", "a list of names of mistakes")) {
    for (const toml::node& node : *list) {
      const std::string name = node.is_string() ? node.as_string()->get() : Section::text(node);
      const auto& names = system::mistake_names();
      const auto known =
          std::find_if(names.begin(), names.end(), [&](const auto& m) { return m.name == name; });
      if (known == names.end()) {
        std::string expected = "names out of";
        for (const system::MistakeName& m : names) expected += " " + std::string(m.name);
        section.fail("mistakes", &node, expected + ", found " + name);
      }
      using Needs = system::MistakeNeeds;
      if (known->needs == Needs::kMigration) {
        if (scenario.migrations.empty())
          section.fail("mistakes", &node, "no " + name + ", because there is no [[migration]]");
        host.mistakes.push_back(known->mistake);
        continue;
      }
      if (known->needs == Needs::kPageRequests && !scenario.pri)
        section.fail("mistakes", &node, "no " + name + ", because PRI is off (device.pri)");
      if (!scenario.ats)
        section.fail("mistakes", &node, "no " + name + ", because ATS is off (device.ats)");
      if (!demand)
        section.fail("mistakes", &node, "no " + name + ", because no tenant has paging \"demand\"");
      host.mistakes.push_back(known->mistake);
    }
  }
  section.finish();
}

/// Whether any queue of a mode is there for the host to choose.
void check_any(const Section& section, const std::vector<system::WqParameters>& wqs, bool shared,
               const std::string& key) {
  const auto fits = [shared](const system::WqParameters& wq) { return wq.shared == shared; };
  if (std::none_of(wqs.begin(), wqs.end(), fits)) {
    section.fail(
        key, std::string("a [device] with a ") + (shared ? "shared" : "dedicated") + " work queue");
  }
}

/// A dedicated queue has one owner.
void check_owner(const Section& section, const Scenario& scenario, bool on_second, std::uint32_t wq,
                 const std::string& key) {
  if ((on_second ? scenario.second.wqs : scenario.wqs)[wq].shared) return;
  for (const auto& other : scenario.tenants) {
    if (other.on_second != on_second) continue;
    const bool one = other.queues.empty() && !other.any_wq && !other.emulated && other.wq == wq;
    if (one || std::count(other.queues.begin(), other.queues.end(), wq) != 0) {
      section.fail(key,
                   "a dedicated work queue of its own, found one that \"" + other.name + "\" has");
    }
  }
}

/// Several queues, of any mode.
void read_queues(Section& section, const Scenario& scenario, system::TenantParameters& tenant) {
  const auto& wqs = system::wqs_of(scenario, tenant);
  const std::string numbers = "a list of 2 to 8 numbers of work queues of [device]";
  section.require("queues", numbers);
  std::set<std::uint64_t> used;
  for (const std::uint64_t wq : section.integers("queues", 2, 8, 0, wqs.size() - 1)) {
    if (!used.insert(wq).second)
      section.fail("queues", "different queues, found " + std::to_string(wq) + " twice");
    check_owner(section, scenario, tenant.on_second, static_cast<std::uint32_t>(wq), "queues");
    tenant.queues.push_back(static_cast<std::uint32_t>(wq));
    tenant.shared = tenant.shared || wqs[wq].shared;
  }
}

/// What is behind the VDEV.
void read_vdev(Section& section, const Scenario& scenario, system::TenantParameters& tenant) {
  section.require("vdev", "\"dedicated\", \"shared\", \"multi\" or \"emulated\"");
  const std::size_t kind = section.word("vdev", {"dedicated", "shared", "emulated", "multi"}, 0);
  if (kind == 3) {
    read_queues(section, scenario, tenant);
    return;
  }
  const auto& wqs = system::wqs_of(scenario, tenant);
  tenant.emulated = kind == 2;
  tenant.shared = kind == 1;
  if (tenant.emulated) {
    if (section.has("wq")) section.fail("wq", "no such key: vdev is \"emulated\"");
    tenant.shared = section.word("mode", {"dedicated", "shared"}, 0) == 1;
    return;
  }
  section.require("wq", "the number of a work queue of [device], or \"any\"");
  if (section.is_text("wq")) {
    static_cast<void>(section.word("wq", {"any"}, 0));
    tenant.any_wq = true;
    check_any(section, wqs, tenant.shared, "wq");
    return;
  }
  section.integer(
      "wq", tenant.wq, 0,
      system::size_of(tenant.on_second ? scenario.second.personality : scenario.personality).wqs -
          1);
  if (tenant.wq >= wqs.size()) {
    section.fail("wq", "the number of a work queue of [device], 0 to " +
                           std::to_string(wqs.size() - 1) + ", found " + std::to_string(tenant.wq));
  }
  if (wqs[tenant.wq].shared != tenant.shared) {
    section.fail("wq", std::string("a ") + (tenant.shared ? "shared" : "dedicated") +
                           " work queue, as vdev says");
  }
  check_owner(section, scenario, tenant.on_second, tenant.wq, "wq");
}

/// Each dedicated queue serves one VDEV.
void check_dedicated(const Section& section, const Scenario& scenario,
                     const system::TenantParameters& tenant, std::uint32_t count) {
  const std::uint32_t mine = system::dedicated_queues(scenario, tenant);
  if (mine == 0) return;
  if (!tenant.any_wq && count > 1)
    section.fail(tenant.queues.empty() ? "wq" : "queues",
                 "\"any\", because each of " + std::to_string(count) +
                     " tenants needs a dedicated work queue of its own");
  const auto& wqs = system::wqs_of(scenario, tenant);
  const auto queues = static_cast<std::size_t>(std::count_if(
      wqs.begin(), wqs.end(), [](const system::WqParameters& wq) { return !wq.shared; }));
  std::size_t users = 0;
  for (const auto& other : scenario.tenants)
    if (other.on_second == tenant.on_second) users += system::dedicated_queues(scenario, other);
  if (users + std::size_t{mine} * count > queues) {
    section.fail("vdev", "at most as many dedicated tenants as there are dedicated work queues (" +
                             std::to_string(queues) + ")");
  }
}

void read_interrupts(Section& section, system::TenantParameters& tenant) {
  tenant.wait = static_cast<system::WaitMode>(section.word("wait", {"poll", "interrupt"}, 0));
  section.permille("interrupts", tenant.interrupt_permille);
  section.boolean("interrupt_entries", tenant.interrupt_entries);
  if (tenant.interrupt_entries) return;
  if (tenant.wait == system::WaitMode::kInterrupt || tenant.interrupt_permille != 0)
    section.fail("interrupt_entries", "true, because the guest asks for interrupts");
}

/// One tenant, or `count` of them.
void read_tenant(Section& section, Scenario& scenario, std::set<std::string>& names) {
  system::TenantParameters tenant;
  section.require("name", "a text");
  section.string("name", tenant.name);
  std::uint32_t count = 1;
  section.integer("count", count, 1, 65535);
  const bool many = section.has("count");
  section.integer("vm", tenant.vm, 0, 4095);
  std::uint32_t vms = count;
  if (many) section.integer("vms", vms, 1, count);
  if (tenant.vm + vms > 4096)
    section.fail(many ? "vms" : "vm",
                 "VM numbers from 0 to 4095, found " + std::to_string(tenant.vm + vms - 1));
  tenant.on_second = section.word("host", {"first", "second"}, 0) == 1;
  if (tenant.on_second && !scenario.second.present)
    section.fail("host", "\"first\", because there is no table [second]");
  for (const auto& other : scenario.tenants) {
    const bool same = other.vm >= tenant.vm && other.vm < tenant.vm + vms;
    if (same && other.on_second != tenant.on_second)
      section.fail("host", "all tenants of a VM on one host, found \"" + other.name + "\" of VM " +
                               std::to_string(other.vm) + " on the other one");
  }
  read_vdev(section, scenario, tenant);
  check_dedicated(section, scenario, tenant, count);
  tenant.translation = static_cast<system::Translation>(
      section.word("translation", {"first-stage", "second-stage", "nested", "pass-through"}, 0));
  section.integer("levels", tenant.levels, 4, 5);
  tenant.large_pages = section.word("page_size", {"4k", "2m"}, 0) == 1;
  read_paging(section, scenario, tenant);
  section.integer("window", tenant.window, 1, 128);
  read_interrupts(section, tenant);
  section.require("workload", "a table with trace or mix");
  if (const toml::table* t = section.table("workload")) {
    Section work = section.sub("workload", *t);
    read_workload(work, tenant.workload);
    check_workload(work, system::queue_of(scenario, tenant), tenant.workload);
    if (tenant.emulated &&
        (tenant.workload.batch.share_permille != 0 || tenant.workload.bad_input_permille != 0))
      work.fail("mix", "no batches and no bad input: the queue is emulated");
    if (!tenant.queues.empty() && tenant.workload.bad_input_permille != 0)
      work.fail("bad_input", "0, because errors of several queues share one report");
    if (!tenant.interrupt_entries && tenant.workload.bad_input_permille != 0)
      work.fail("bad_input", "0, because the guest has no interrupts for error reports");
  }
  section.finish();
  const std::string base = tenant.name;
  const std::uint32_t first_vm = tenant.vm;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (many) {
      tenant.name = base + "-" + std::to_string(i);
      tenant.vm = first_vm + i % vms;
    }
    if (!names.insert(tenant.name).second)
      section.fail("name", "a name no other tenant has, found \"" + tenant.name + "\"");
    scenario.tenants.push_back(tenant);
  }
}

void read_churn(Section section, Scenario& scenario) {
  system::ChurnParameters& churn = scenario.churn;
  section.require("lanes", "a whole number from 1 to 1024");
  section.integer("lanes", churn.lanes, 1, 1024);
  section.integer("lives", churn.lives, 1, 10000);
  section.integer("events", churn.events, 1, 1000);
  section.integer("descriptors", churn.descriptors, 1, 1000000);
  section.integer("window", churn.window, 1, 128);
  section.integer("largest", churn.size_max, 1, 65536);
  section.integer("pause", churn.pause, 0, 1000);
  section.integer("move", churn.move, 0, 1000);
  section.integer("reset", churn.reset, 0, 1000);
  section.integer("quiet", churn.quiet, 0, 1000);
  section.permille("dedicated", churn.dedicated_permille);
  section.permille("emulated", churn.emulated_permille);
  section.permille("killed", churn.killed_permille);
  if (churn.pause + churn.move + churn.reset + churn.quiet == 0)
    section.fail("quiet", "at least one weight above 0");
  check_any(section, scenario.wqs, true, "lanes");
  if (scenario.event_log) section.fail("lanes", "no such table: it does not go with an event log");
  system::TenantParameters like;
  like.shared = like.any_wq = true;
  const std::uint64_t limit = std::uint64_t{1}
                              << system::queue_of(scenario, like).max_transfer_log2;
  if (churn.size_max > limit)
    section.fail("largest", "at most the " + std::to_string(limit) + " bytes of the work queues");
  section.finish();
}

/// All tenants of the VM can go, and nothing that is counted elsewhere runs beside it.
void check_traveller(const Section& section, const Scenario& scenario,
                     const system::MigrationParameters& migration) {
  std::size_t tenants = 0;
  for (const system::TenantParameters& tenant : scenario.tenants) {
    if (tenant.vm != migration.vm) continue;
    ++tenants;
    const bool second_stage = tenant.translation == system::Translation::kSecondStage ||
                              tenant.translation == system::Translation::kNested;
    if (!second_stage)
      section.fail("vm", "a VM whose tenants have second-stage or nested translation, found \"" +
                             tenant.name + "\" with " +
                             std::string(system::to_string(tenant.translation)));
  }
  if (tenants == 0)
    section.fail("vm", "the number of a VM with tenants, found " + std::to_string(migration.vm));
  if (system::migration_of(scenario, migration.vm) != nullptr)
    section.fail("vm", "one table [[migration]] for each VM, found a second one for VM " +
                           std::to_string(migration.vm));
}

void read_migration(Section& section, Scenario& scenario) {
  if (!scenario.second.present) section.fail("vm", "a table [second]: the host to go to");
  if (scenario.churn.lanes != 0) section.fail("vm", "no table [churn] beside [[migration]]");
  if (scenario.event_log)
    section.fail("vm", "no [[migration]], because software errors go to an event log");
  system::MigrationParameters migration;
  section.require("vm", "the number of a VM with tenants");
  section.integer("vm", migration.vm, 0, 4095);
  check_traveller(section, scenario, migration);
  section.integer("times", migration.times, 1, 64);
  const auto after = section.integers("after", 1, 2, 1, 100'000'000);
  if (!after.empty()) {
    migration.after_min = static_cast<std::uint32_t>(after.front());
    migration.after_max = static_cast<std::uint32_t>(after.back());
    if (migration.after_min > migration.after_max)
      section.fail("after", "[least, most], found most < least");
  }
  section.integer("rounds", migration.rounds, 1, 64);
  section.integer("stop_pages", migration.stop_pages, 0, 1'000'000);
  section.integer("bandwidth", migration.bandwidth, 1, 10'000'000);
  migration.cancel = static_cast<system::CancelPhase>(
      section.word("cancel", {"never", "checked", "pre-copied", "paused", "stopped", "loaded"}, 0));
  section.boolean("refused", migration.refused);
  if (migration.refused && migration.cancel != system::CancelPhase::kNever)
    section.fail("cancel", "\"never\", because the migration is refused");
  section.finish();
  scenario.migrations.push_back(migration);
}

void read_injections(Section& top, Scenario& scenario) {
  const toml::array* list = top.array("inject", "a list of injection names");
  if (list == nullptr) return;
  for (const toml::node& node : *list) {
    if (!node.is_string() || !is_injection(node.as_string()->get())) {
      top.fail("inject", &node,
               "a name of 'siov-cosim list-injections', found " + Section::text(node));
    }
    scenario.injections.push_back({node.as_string()->get()});
  }
}

std::string find_trace(const std::string& scenario_file, const std::string& trace) {
  namespace fs = std::filesystem;
  const fs::path given(trace);
  const fs::path folder = fs::path(scenario_file).parent_path();
  const std::vector<fs::path> places{folder / given, folder / ".." / given, given};
  std::error_code ignored;
  for (const fs::path& place : places) {
    if (fs::exists(place, ignored)) return place.lexically_normal().string();
  }
  return {};
}

}  // namespace

Scenario parse_scenario(std::string_view text, const std::string& name) {
  toml::table root;
  try {
    root = toml::parse(text, name);
  } catch (const toml::parse_error& e) {
    throw InputError(name, e.source().begin.line, "syntax",
                     "TOML: " + std::string(e.description()));
  }
  Scenario scenario;
  scenario.file = name;
  Section top(name, root, "");
  top.require("name", "a text");
  top.string("name", scenario.name);
  top.integer("seed", scenario.seed, 0, ~std::uint64_t{0} >> 1);
  top.integer("length", scenario.length, 0, 1000000000);
  top.integer("max_cycles", scenario.max_cycles, 0, 1000000000000);
  if (const toml::table* t = top.table("link")) read_link(top.sub("link", *t), scenario.link);
  top.require("device", "a table with [[device.wq]]");
  if (const toml::table* t = top.table("device")) read_device(top.sub("device", *t), scenario);
  if (scenario.wqs.empty()) top.fail("device", "at least one [[device.wq]]");
  if (const toml::table* t = top.table("second")) read_second(top.sub("second", *t), scenario);
  read_injections(top, scenario);
  std::set<std::string> names;
  each_table(top, "tenant",
             [&](Section& section, std::size_t) { read_tenant(section, scenario, names); });
  if (const toml::table* t = top.table("churn")) read_churn(top.sub("churn", *t), scenario);
  each_table(top, "migration",
             [&](Section& section, std::size_t) { read_migration(section, scenario); });
  if (const toml::table* t = top.table("host")) read_host(top.sub("host", *t), scenario);
  top.finish();
  return scenario;
}

Scenario load_scenario(const std::string& path) {
  std::error_code ignored;
  std::ifstream in(path);
  if (!in || std::filesystem::is_directory(path, ignored)) {
    throw InputError(path + ": cannot read this scenario file");
  }
  std::ostringstream text;
  text << in.rdbuf();
  Scenario scenario = parse_scenario(text.str(), path);
  for (system::TenantParameters& tenant : scenario.tenants) {
    std::string& trace = tenant.workload.trace;
    if (trace.empty()) continue;
    const std::string found = find_trace(path, trace);
    if (found.empty()) {
      throw InputError(path + ": tenant " + tenant.name + ": cannot read trace file " + trace);
    }
    trace = found;
    tenant.workload.operations = load_trace(found);
  }
  return scenario;
}

}  // namespace siov::app
