// SPDX-License-Identifier: Apache-2.0
// SavedVdev as bytes, there and back; bytes that are none; what fits where: SIOV-H-39, SIOV-H-44.
#include "vdcm/vdev_state.hpp"

#include <gtest/gtest.h>

#include <boost/crc.hpp>
#include <functional>

namespace siov::test {
namespace {

using vdcm::DeviceState;
using vdcm::SavedVdev;

vdcm::QueueDescription queue(bool dedicated, std::uint16_t size) {
  vdcm::QueueDescription q;
  q.dedicated = dedicated;
  q.size = size;
  q.threshold = dedicated ? 0 : size / 2;
  q.priority = 5;
  q.max_transfer_log2 = 21;
  q.max_batch_log2 = 9;
  q.operations = 0x3F'027F;
  q.gencap = 0x8012'0107;
  q.version = 0x100;
  return q;
}

/// Two queues, three vectors, something in every field.
SavedVdev sample() {
  SavedVdev s;
  s.capabilities.version = 0x100;
  s.capabilities.physical_gencap = 0x0012'0107;
  s.capabilities.opcap = {0x3F'027F, 0, 0, 0};
  s.capabilities.engines = 4;
  s.capabilities.vectors = 3;
  s.capabilities.queues = {queue(true, 16), queue(false, 8)};
  s.config = {0x0010'0006, 0, 0xC000'000C, 0x8001'0011};
  s.registers.state = DeviceState::kEnabled;
  s.registers.cmdstatus = 0x8000'0000;
  s.registers.intcause = 0x3;
  s.registers.genctrl = 3;
  s.registers.gencfg = 0x60;
  s.registers.queues = {{0x1000'0701, true}, {0x1000'0700, true}};
  s.registers.msixperm = {0, 0x7008, 0x9008};
  s.registers.swerror = {0x0000'7000'0000'1903, 2, 0x1234'5678, 0};
  s.msix = {{0xFEE0'0000, 0x40, 0}, {0xFEE0'1000, 0x41, 1}, {0, 0, 1}};
  s.pending = 0b010;
  s.handles = {std::nullopt, 17, 4};
  s.granted = 0b010;
  s.command = 0x8080'0001;
  vdcm::PartialSlot slot{0x40, 0x1'0000'0001, {}};
  slot.line[32] = std::byte{0x77};
  vdcm::PartialSlot other = slot;
  other.offset = 0x5FC0;  // queue 1, limited page
  s.parts = {slot, other};
  vdcm::HeldDescriptor posted{0, false, 0x40, false, {}};
  posted.line[0] = std::byte{0xA5};
  vdcm::HeldDescriptor deferrable{1, true, 0xFC0, true, {}};
  deferrable.line[63] = std::byte{0x5A};
  s.held = {posted, deferrable, posted};
  return s;
}

void expect_equal(const SavedVdev& a, const SavedVdev& b) {
  EXPECT_EQ(a.capabilities.version, b.capabilities.version);
  EXPECT_EQ(a.capabilities.physical_gencap, b.capabilities.physical_gencap);
  EXPECT_EQ(a.capabilities.opcap, b.capabilities.opcap);
  EXPECT_EQ(a.capabilities.engines, b.capabilities.engines);
  EXPECT_EQ(a.capabilities.vectors, b.capabilities.vectors);
  ASSERT_EQ(a.capabilities.queues.size(), b.capabilities.queues.size());
  for (std::size_t i = 0; i < a.capabilities.queues.size(); ++i) {
    const vdcm::QueueDescription& p = a.capabilities.queues[i];
    const vdcm::QueueDescription& q = b.capabilities.queues[i];
    EXPECT_EQ(p.dedicated, q.dedicated);
    EXPECT_EQ(p.size, q.size);
    EXPECT_EQ(p.threshold, q.threshold);
    EXPECT_EQ(p.priority, q.priority);
    EXPECT_EQ(p.max_transfer_log2, q.max_transfer_log2);
    EXPECT_EQ(p.max_batch_log2, q.max_batch_log2);
    EXPECT_EQ(p.block_on_fault, q.block_on_fault);
    EXPECT_EQ(p.operations, q.operations);
    EXPECT_EQ(p.gencap, q.gencap);
    EXPECT_EQ(p.version, q.version);
  }
  EXPECT_EQ(a.page_bytes, b.page_bytes);
  EXPECT_EQ(a.config, b.config);
  EXPECT_EQ(a.registers, b.registers);
  EXPECT_EQ(a.msix, b.msix);
  EXPECT_EQ(a.pending, b.pending);
  EXPECT_EQ(a.handles, b.handles);
  EXPECT_EQ(a.granted, b.granted);
  EXPECT_EQ(a.command, b.command);
  EXPECT_EQ(a.parts, b.parts);
  EXPECT_EQ(a.held, b.held);
}

TEST(VdevStateTest, EveryFieldComesBack) {  // SIOV-H-39
  const std::vector<std::byte> bytes = vdcm::serialize(sample());
  const auto back = vdcm::parse(bytes);
  ASSERT_TRUE(back) << back.error();
  expect_equal(*back, sample());
  EXPECT_EQ(vdcm::serialize(*back), bytes);
}

TEST(VdevStateTest, FrameIsMagicVersionLengthContentsCrc) {
  const std::vector<std::byte> bytes = vdcm::serialize(sample());
  const std::string magic(reinterpret_cast<const char*>(bytes.data()), 8);
  EXPECT_EQ(magic, "SIOVVDEV");
  EXPECT_EQ(bytes[8], std::byte{1});
  EXPECT_EQ(std::to_integer<std::size_t>(bytes[12]) | std::to_integer<std::size_t>(bytes[13]) << 8,
            bytes.size() - 20);
  boost::crc_32_type crc;
  crc.process_bytes(bytes.data(), bytes.size() - 4);
  EXPECT_EQ(bytes[bytes.size() - 4], static_cast<std::byte>(crc.checksum() & 0xFF));
}

TEST(VdevStateTest, EveryShorterAndLongerFileIsRefused) {
  std::vector<std::byte> bytes = vdcm::serialize(sample());
  for (std::size_t n = 0; n < bytes.size(); ++n)
    EXPECT_FALSE(vdcm::parse(std::span(bytes).first(n))) << n;
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(vdcm::parse(bytes));
}

TEST(VdevStateTest, EveryFlippedBitIsRefused) {
  std::vector<std::byte> bytes = vdcm::serialize(sample());
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    EXPECT_FALSE(vdcm::parse(bytes)) << "bit " << bit;
    bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
  }
  EXPECT_TRUE(vdcm::parse(bytes));
}

std::string error_of(const std::vector<std::byte>& bytes) {
  const auto result = vdcm::parse(bytes);
  return result ? "none" : result.error();
}

/// Puts the CRC right again, so that what is behind it is looked at.
void seal(std::vector<std::byte>& bytes) {
  boost::crc_32_type crc;
  crc.process_bytes(bytes.data(), bytes.size() - 4);
  for (unsigned i = 0; i < 4; ++i)
    bytes[bytes.size() - 4 + i] = static_cast<std::byte>(crc.checksum() >> 8 * i & 0xFF);
}

TEST(VdevStateTest, TheFrameSaysWhatIsWrongWithIt) {
  const std::vector<std::byte> good = vdcm::serialize(sample());
  EXPECT_EQ(error_of({}), "0 bytes are too few for a saved VDEV");
  std::vector<std::byte> bytes = good;
  bytes[0] = std::byte{'s'};
  EXPECT_EQ(error_of(bytes), "no saved VDEV: wrong magic");
  bytes = good;
  bytes[8] = std::byte{2};
  EXPECT_EQ(error_of(bytes), "format version 2, known is 1");
  bytes = good;
  bytes.pop_back();
  EXPECT_NE(error_of(bytes).find("bytes of contents"), std::string::npos) << error_of(bytes);
  bytes = good;
  bytes[20] ^= std::byte{1};
  EXPECT_NE(error_of(bytes).find("CRC is"), std::string::npos) << error_of(bytes);
  bytes = good;  // one byte more inside
  bytes.insert(bytes.end() - 4, std::byte{0});
  bytes[12] = static_cast<std::byte>(std::to_integer<unsigned>(bytes[12]) + 1);
  seal(bytes);
  EXPECT_EQ(error_of(bytes), "1 bytes too many");
  bytes = good;  // and some fewer
  bytes.erase(bytes.end() - 14, bytes.end() - 4);
  const std::size_t length = bytes.size() - 20;
  bytes[12] = static_cast<std::byte>(length & 0xFF);
  bytes[13] = static_cast<std::byte>(length >> 8);
  seal(bytes);
  EXPECT_EQ(error_of(bytes), "3 held descriptors do not fit in 203 bytes");
}

struct Malformed {
  const char* name;
  std::function<void(SavedVdev&)> spoil;
  const char* error;
};

class VdevStateMalformedTest : public testing::TestWithParam<Malformed> {};

TEST_P(VdevStateMalformedTest, IsRefusedWithItsReason) {
  SavedVdev saved = sample();
  GetParam().spoil(saved);
  EXPECT_EQ(error_of(vdcm::serialize(saved)), GetParam().error);
}

INSTANTIATE_TEST_SUITE_P(
    Contents, VdevStateMalformedTest,
    testing::Values(
        Malformed{"PageSize", [](SavedVdev& s) { s.page_bytes = 6144; },
                  "portal pages of 6144 bytes"},
        Malformed{"NoQueue", [](SavedVdev& s) { s.capabilities.queues.clear(); },
                  "0 queues, allowed are 1 to 8"},
        Malformed{"NineQueues",
                  [](SavedVdev& s) { s.capabilities.queues.resize(9, queue(true, 1)); },
                  "9 queues, allowed are 1 to 8"},
        Malformed{"OneVector", [](SavedVdev& s) { s.capabilities.vectors = 1; },
                  "1 vectors, allowed are 2 to 64"},
        Malformed{"SixtyFiveVectors", [](SavedVdev& s) { s.capabilities.vectors = 65; },
                  "65 vectors, allowed are 2 to 64"},
        Malformed{"EmptyQueue", [](SavedVdev& s) { s.capabilities.queues[0].size = 0; },
                  "a queue of size 0"},
        Malformed{"Transfer", [](SavedVdev& s) { s.capabilities.queues[0].max_transfer_log2 = 32; },
                  "largest transfer 2^32 or largest batch 2^9 beyond their fields"},
        Malformed{"NoConfig", [](SavedVdev& s) { s.config.clear(); },
                  "0 configuration dwords, allowed are 1 to 1024"},
        Malformed{"LongConfig", [](SavedVdev& s) { s.config.resize(1025); },
                  "1025 configuration dwords, allowed are 1 to 1024"},
        Malformed{"State", [](SavedVdev& s) { s.registers.state = static_cast<DeviceState>(4); },
                  "device state 4, allowed are 0 to 3"},
        Malformed{"Draining", [](SavedVdev& s) { s.registers.state = DeviceState::kDraining; },
                  "device state 2: a paused VDEV is not in the middle of a command"},
        Malformed{"EnabledQueue", [](SavedVdev& s) { s.registers.state = DeviceState::kDisabled; },
                  "a queue is enabled while the device is disabled"},
        Malformed{"Permission", [](SavedVdev& s) { s.registers.msixperm[1] = 0x7018; },
                  "MSIXPERM entry 0x7018 has reserved bits"},
        Malformed{"MsixControl", [](SavedVdev& s) { s.msix[2].control = 2; },
                  "MSI-X entry with control 0x2 and address 0x0"},
        Malformed{"MsixAddress", [](SavedVdev& s) { s.msix[0].address = 0xFEE0'0002; },
                  "MSI-X entry with control 0x0 and address 0xfee00002"},
        Malformed{"Pending", [](SavedVdev& s) { s.pending = 0b1000; },
                  "an interrupt pends for a vector beyond 2"},
        Malformed{"HandleOfVector0", [](SavedVdev& s) { s.handles[0] = 9; },
                  "vector 0 has no handle"},
        Malformed{"TwoHandles", [](SavedVdev& s) { s.handles[2] = 17; },
                  "two vectors have the handle 17"},
        Malformed{"Granted", [](SavedVdev& s) { s.granted = 0b1010; },
                  "vector 3 is granted without a handle"},
        Malformed{"NoCommand", [](SavedVdev& s) { s.command.reset(); },
                  "CMDSTATUS 0x80000000 without a command waiting"},
        Malformed{"Command", [](SavedVdev& s) { s.registers.cmdstatus = 0; },
                  "CMDSTATUS 0x0 with a command waiting"},
        Malformed{"PartsInNoPortal", [](SavedVdev& s) { s.parts[1].offset = 0x6000; },
                  "parts at 0x6000, where no portal is"},
        Malformed{"PartsBehindTheQueues", [](SavedVdev& s) { s.parts[1].offset = 0x8000; },
                  "parts at 0x8000, where no portal is"},
        Malformed{"PartsOffTheGrid", [](SavedVdev& s) { s.parts[0].offset = 0x48; },
                  "parts at 0x48, where no portal is"},
        Malformed{"PartsOutOfOrder", [](SavedVdev& s) { s.parts[1].offset = 0x40; },
                  "parts at 0x40 are out of order"},
        Malformed{"PartsDisabled",
                  [](SavedVdev& s) {
                    s.registers.queues[0].enabled = false;
                    s.held = {s.held[1]};
                  },
                  "parts of a descriptor for queue 0, which is not enabled"},
        Malformed{"PartsOfNothing",
                  [](SavedVdev& s) {
                    s.parts[0].present = 0;
                    s.parts[0].line = {};
                  },
                  "parts at 0x40 that are all or nothing"},
        Malformed{"PartsComplete", [](SavedVdev& s) { s.parts[0].present = ~std::uint64_t{0}; },
                  "parts at 0x40 that are all or nothing"},
        Malformed{"PartsNotStored", [](SavedVdev& s) { s.parts[0].line[1] = std::byte{1}; },
                  "parts at 0x40 have byte 1, which was not stored"},
        Malformed{"TooManyParts", [](SavedVdev& s) { s.parts.resize(1025, s.parts[0]); },
                  "1025 slots with parts, allowed are 0 to 1024"},
        Malformed{"HeldQueue", [](SavedVdev& s) { s.held[1].queue = 2; },
                  "a held descriptor for queue 2 of 2"},
        Malformed{"HeldWay", [](SavedVdev& s) { s.held[1].deferrable = false; },
                  "a held descriptor came to queue 1 in a way that its mode does not take"},
        Malformed{"HeldDisabled",
                  [](SavedVdev& s) {
                    s.registers.queues[0].enabled = false;
                    s.parts.clear();
                  },
                  "a held descriptor for queue 0, which is not enabled"},
        Malformed{"HeldPlace", [](SavedVdev& s) { s.held[0].offset = 0x44; },
                  "a held descriptor at offset 0x44 of its page"},
        Malformed{"HeldPage", [](SavedVdev& s) { s.held[0].offset = 0x1000; },
                  "a held descriptor at offset 0x1000 of its page"},
        Malformed{"HeldTooMany", [](SavedVdev& s) { s.held.resize(18, s.held[0]); },
                  "queue 0 holds more than its 16 descriptors"}),
    [](const testing::TestParamInfo<Malformed>& info) { return info.param.name; });

// ---- compatibility

struct Target {
  const char* name;
  std::function<void(vdcm::VirtualCapabilities&)> change;
  const char* reason;
};

class CompatibilityTest : public testing::TestWithParam<Target> {};

TEST_P(CompatibilityTest, ADifferenceThatTheGuestWouldMeetIsAReason) {  // SIOV-H-44
  vdcm::VirtualCapabilities there = sample().capabilities;
  EXPECT_TRUE(vdcm::incompatible(sample(), there).empty());
  GetParam().change(there);
  const std::vector<std::string> reasons = vdcm::incompatible(sample(), there);
  ASSERT_EQ(reasons.size(), 1u);
  EXPECT_EQ(reasons[0], GetParam().reason);
}

using Caps = vdcm::VirtualCapabilities;
INSTANTIATE_TEST_SUITE_P(
    Targets, CompatibilityTest,
    testing::Values(
        Target{"Version", [](Caps& c) { c.version = 0xFF; }, "version 0x100, there 0xff"},
        Target{"Feature", [](Caps& c) { c.physical_gencap &= ~std::uint64_t{0x100}; },
               "features 0x100 of GENCAP are missing there"},
        Target{"Opcap", [](Caps& c) { c.opcap[0] &= ~std::uint64_t{0x20}; },
               "operations 0x20 of OPCAP word 0 are missing there"},
        Target{"FewerVectors", [](Caps& c) { c.vectors = 2; }, "3 vectors, there 2"},
        Target{"MoreVectors", [](Caps& c) { c.vectors = 4; }, "3 vectors, there 4"},
        Target{"FewerQueues", [](Caps& c) { c.queues.pop_back(); }, "2 queues, there 1"},
        Target{"Mode", [](Caps& c) { c.queues[1].dedicated = true; },
               "queue 1: is shared, there it would be dedicated"},
        Target{"Size", [](Caps& c) { c.queues[0].size = 15; }, "queue 0: has 16 entries, there 15"},
        Target{"Threshold", [](Caps& c) { c.queues[1].threshold = 0; },
               "queue 1: the limited portal would be closed"},
        Target{"Transfer", [](Caps& c) { c.queues[0].max_transfer_log2 = 20; },
               "queue 0: transfers of 2^21 bytes, there 2^20"},
        Target{"Batch", [](Caps& c) { c.queues[0].max_batch_log2 = 8; },
               "queue 0: batches of 2^9 descriptors, there 2^8"},
        Target{"BlockOnFault", [](Caps& c) { c.queues[0].block_on_fault = true; },
               "queue 0: block on fault is off, there on"},
        Target{"Operations", [](Caps& c) { c.queues[1].operations &= ~std::uint64_t{8}; },
               "queue 1: operations 0x8 are missing there"}),
    [](const testing::TestParamInfo<Target>& info) { return info.param.name; });

TEST(CompatibilityTest,
     MoreThanNeededIsNoReason) {  // the model, not the hardware, is the interface
  vdcm::VirtualCapabilities there = sample().capabilities;
  there.version = 0x200;
  there.physical_gencap |= std::uint64_t{1} << 52;
  there.opcap[0] |= 1 << 24;
  there.engines = 1;
  there.queues[0].size = 64;
  there.queues[0].max_transfer_log2 = 31;
  there.queues[0].max_batch_log2 = 10;
  there.queues[0].operations |= 1 << 24;
  there.queues[0].priority = 9;
  there.queues[1].threshold = 1;
  EXPECT_TRUE(vdcm::incompatible(sample(), there).empty());
}

TEST(CompatibilityTest, PageSizesMustBeTheSame) {
  const std::vector<std::string> reasons =
      vdcm::incompatible(sample(), sample().capabilities, 65536);
  ASSERT_EQ(reasons.size(), 1u);
  EXPECT_EQ(reasons[0], "portal pages of 4096 bytes, there 65536");
}

}  // namespace
}  // namespace siov::test
