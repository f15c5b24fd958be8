// SPDX-License-Identifier: Apache-2.0
// Virtual registers: values typed from siov.md 3.3 and dsa.md 2; MSI-X table semantics from
// SIOV-H-27.
#include "vdcm/virtual_registers.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "vdcm/virtual_msix.hpp"

namespace siov::vdcm {
namespace {

VirtualCapabilities physical(bool dedicated) {
  VirtualCapabilities c;
  c.version = 0x100;
  c.physical_gencap = 0x0000'0000'835F'0006;
  c.opcap = {0x3D, 0, 0, 0};
  c.engines = 3;
  QueueDescription queue;
  queue.dedicated = dedicated;
  queue.size = 24;
  queue.threshold = 12;
  queue.priority = 9;
  queue.max_transfer_log2 = 21;
  queue.max_batch_log2 = 5;
  c.queues = {queue};
  return c;
}

TEST(VirtualRegistersTest, CapabilitiesShowOneQueueAndNoConfiguration) {  // SIOV-H-12
  const VirtualRegisters r(physical(true));
  EXPECT_EQ(r.read(0x00, 4), 0x100u);
  EXPECT_EQ(r.read(0x10, 8), 0x015F'0016u);            // no config (31), no IMS (30:25), CMDCAP (4)
  EXPECT_EQ(r.read(0x20, 8), 0x0002'0000'0001'0018u);  // dedicated only (49), 1 WQ, 24 entries
  EXPECT_EQ(r.read(0x30, 8), 0x1u);                    // 1 group, no tokens
  EXPECT_EQ(r.read(0x38, 8), 0x3u);
  EXPECT_EQ(r.read(0x40, 8), 0x3Du);
  EXPECT_EQ(r.read(0x60, 8),
            0x0000'0003'0005'0004u);  // GRPCFG 0x400, WQCFG 0x500, MSIXPERM 0x300, no IMS
  EXPECT_EQ(r.read(0x68, 8), 0u);
  EXPECT_EQ(r.read(0xB0, 4), 0x8000'7FFEu);  // commands 1..14, and that of revoked handles
  EXPECT_EQ(r.read(0x400, 8), 1u);
  EXPECT_EQ(r.read(0x420, 8), 7u);  // three engines
  EXPECT_EQ(VirtualRegisters(physical(false)).read(0x20, 8),
            0x0001'0000'0001'0018u);  // shared only (48)
}

TEST(VirtualRegistersTest, EventLogIsNotOffered) {  // SIOV-H-02
  VirtualCapabilities c = physical(true);
  c.physical_gencap = 0x0000'0001'835F'2D07;  // dsa.md 2.2: EVL 14:13 and EVL overflow 32 set
  const VirtualRegisters r(c);
  EXPECT_EQ(r.read(0x10, 8), 0x0000'0000'015F'0D17u);
}

TEST(VirtualRegistersTest, SeveralQueuesAddUp) {  // SIOV-H-12
  VirtualCapabilities c = physical(true);
  c.queues.push_back(physical(false).queues[0]);
  c.queues.push_back(physical(true).queues[0]);
  c.queues[2].size = 100;
  c.vectors = 40;
  VirtualRegisters r(c);
  EXPECT_EQ(r.read(0x20, 8), 0x0003'0000'0003'0094u);  // both modes, 3 queues, 24 + 24 + 100
  EXPECT_EQ(r.read(0x400, 8), 7u);                     // all in the one group
  EXPECT_EQ(r.read(0x540, 4), 100u);
  EXPECT_EQ(r.read(0x528, 4), 0x90u);                  // shared
  EXPECT_EQ(r.read(0x560, 8), 0u);                     // behind the last
  EXPECT_EQ(r.read(0x60, 8), 0x0000'0008'0005'0004u);  // MSIXPERM at 0x800: 40 entries
  EXPECT_EQ(r.write(0x800 + 8 * 39, 4, 0xABCD'E008), 39u);
  EXPECT_EQ(r.read(0x800 + 8 * 39, 4), 0xABCD'E008u);
  EXPECT_FALSE(r.write(0x800 + 8 * 40, 4, 0xABCD'E008).has_value());
  r.write(0x548, 4, 0x1000'0901);
  EXPECT_EQ(r.wq_pasid(2).value, 9u);
  EXPECT_EQ(r.wq_pasid(0).value, 0u);
  r.set_queue_enabled(2, true);
  EXPECT_EQ(r.read(0x558, 4) >> 30, 1u);
  EXPECT_EQ(r.read(0x518, 4) >> 30, 0u);
}

TEST(VirtualRegistersTest, ImageComesBack) {
  VirtualRegisters r(physical(true));
  r.write(0x508, 4, 0x1000'5501);
  r.write(0x308, 4, 0x7008);
  r.write(0x88, 4, 3);
  r.set_state(DeviceState::kEnabled);
  const RegisterImage image = r.image();
  r.reset_all();
  EXPECT_NE(r.image(), image);
  EXPECT_TRUE(r.restore(image));
  EXPECT_EQ(r.image(), image);
  EXPECT_EQ(r.read(0x508, 4), 0x1000'5591u);
  RegisterImage other = image;
  other.msixperm.push_back(0);
  EXPECT_FALSE(r.restore(other));
}

TEST(VirtualRegistersTest, WqcfgShowsThePhysicalQueue) {
  const VirtualRegisters r(physical(true));
  EXPECT_EQ(r.read(0x500, 4), 24u);
  EXPECT_EQ(r.read(0x504, 4), 12u);
  EXPECT_EQ(r.read(0x508, 4), 0x91u);         // priority 9, dedicated
  EXPECT_EQ(r.read(0x50C, 4), 0xB5u);         // 2^21 bytes, 2^5 members
  EXPECT_EQ(r.read(0x518, 4), 0x2000'0000u);  // disabled, mode may change
}

TEST(VirtualRegistersTest, OnlyDword2OfTheQueueTakesWrites) {
  VirtualRegisters r(physical(true));
  for (std::uint32_t offset = 0; offset < 0x600; offset += 4) {
    if (offset == 0x508 || offset == 0x80 || offset == 0x88 || offset == 0x300 || offset == 0x308)
      continue;
    const std::uint64_t before = r.read(offset, 4);
    r.write(offset, 4, 0xFFFF'FFFF);
    EXPECT_EQ(r.read(offset, 4), before) << std::hex << offset;
  }
  r.write(0x508, 4, 0xFFFF'FFFF);
  EXPECT_EQ(r.read(0x508, 4), 0x3FFF'FF91u);  // mode, PASID 27:8, enable 28, privilege 29
  r.write(0x508, 4, 0x1000'5500);
  EXPECT_EQ(r.wq_pasid(0).value, 0x55u);
  EXPECT_TRUE(r.wq_pasid_enabled(0));
  EXPECT_FALSE(r.wq_mode_dedicated(0));
  r.set_queue_enabled(0, true);
  r.write(0x508, 4, 0);
  EXPECT_EQ(r.read(0x508, 4), 0x1000'5590u);  // locked
}

TEST(VirtualRegistersTest, GencfgIsLockedUnlessDisabled) {
  VirtualRegisters r(physical(true));
  r.write(0x80, 4, 0x1005);
  EXPECT_EQ(r.read(0x80, 4), 0x1005u);
  r.set_state(DeviceState::kEnabled);
  r.write(0x80, 4, 0);
  EXPECT_EQ(r.read(0x80, 4), 0x1005u);
  EXPECT_EQ(r.read(0x90, 4), 1u);
}

TEST(VirtualRegistersTest, IntcauseClearsByOne) {
  VirtualRegisters r(physical(true));
  r.add_intcause(0x13);
  r.write(0x98, 4, 0x11);
  EXPECT_EQ(r.read(0x98, 4), 0x2u);
}

TEST(VirtualRegistersTest, FirstErrorStaysAndLaterOnesSetOverflow) {  // dsa.md 2.7
  VirtualRegisters r(physical(true));
  SoftwareError e;
  e.code = 0x53;
  e.wq_valid = true;
  e.pasid = Pasid{0x12345};
  e.descriptor_valid = true;
  e.opcode = 3;
  e.address = 0xABCD'0000;
  EXPECT_TRUE(r.record_error(e));
  EXPECT_EQ(r.read(0xC0, 8), 0x0123'4503'0000'530Du);
  EXPECT_EQ(r.read(0xD0, 8), 0xABCD'0000u);
  e.code = 0x10;
  EXPECT_FALSE(r.record_error(e));
  EXPECT_EQ(r.read(0xC0, 8), 0x0123'4503'0000'530Fu);
  r.write(0xC0, 8, 2);
  EXPECT_EQ(r.read(0xC0, 4), 0x0000'530Du);  // each bit on its own
  r.write(0xC0, 8, 1);
  EXPECT_TRUE(r.record_error(e));
  EXPECT_EQ(r.read(0xC1, 1), 0x10u);
}

TEST(VirtualRegistersTest, MsixpermTakesOnly32BitWrites) {
  VirtualRegisters r(physical(true));
  EXPECT_FALSE(r.write(0x308, 2, 0x1008).has_value());
  EXPECT_EQ(r.read(0x308, 4), 0u);
  EXPECT_EQ(r.write(0x308, 4, 0x0002'AFFF), 1u);
  EXPECT_EQ(r.read(0x308, 4), 0x0002'A008u);
}

class Sink final : public port::InterruptPort {
 public:
  void deliver(const port::Interrupt& i) override { vectors.push_back(i.vector); }
  std::vector<std::uint8_t> vectors;
};

TEST(VirtualMsixTest, MaskedVectorIsPendingAndUnmaskDeliversOnce) {  // SIOV-H-27
  Sink sink;
  VirtualMsix msix;
  msix.set_sink(&sink);
  msix.set_control(true, false);
  msix.write_table(0x18, 4, 0x41);
  msix.raise(1);
  msix.raise(1);
  EXPECT_TRUE(sink.vectors.empty());  // entries start masked
  EXPECT_EQ(msix.pending(), 2u);
  msix.write_table(0x1C, 4, 0);
  EXPECT_EQ(sink.vectors, (std::vector<std::uint8_t>{0x41}));
  EXPECT_EQ(msix.pending(), 0u);
  msix.write_table(0x1C, 4, 1);
  msix.write_table(0x1C, 4, 0);
  EXPECT_EQ(sink.vectors.size(), 1u);
}

TEST(VirtualMsixTest, FunctionMaskHoldsAllVectors) {
  Sink sink;
  VirtualMsix msix;
  msix.set_sink(&sink);
  msix.write_table(0x08, 8, 0x20);
  msix.write_table(0x18, 8, 0x21);
  msix.set_control(true, true);
  msix.raise(0);
  msix.raise(1);
  EXPECT_EQ(msix.pending(), 3u);
  msix.set_control(true, false);
  EXPECT_EQ(sink.vectors, (std::vector<std::uint8_t>{0x20, 0x21}));
}

/// Interrupts of a vector under every state of the three masks, and what follows from unmasking.
TEST(VirtualMsixTest, MatrixOfEnableFunctionMaskAndVectorMask) {  // SIOV-H-27
  for (unsigned state = 0; state < 8; ++state) {
    const bool enabled = (state & 1) != 0, function = (state & 2) != 0, vector = (state & 4) != 0;
    Sink sink;
    VirtualMsix msix(4);
    msix.set_sink(&sink);
    msix.write_table(0x38, 4, 0x77);
    msix.write_table(0x3C, 4, vector ? 1 : 0);
    msix.set_control(enabled, function);
    msix.raise(3);
    msix.raise(3);
    const bool open = enabled && !function && !vector;
    EXPECT_EQ(sink.vectors.size(), open ? 2u : 0u) << state;
    EXPECT_EQ(msix.pending(), enabled && !open ? 8u : 0u) << state;
    msix.write_table(0x3C, 4, 0);
    msix.set_control(true, false);
    EXPECT_EQ(sink.vectors.size(), open ? 2u : (enabled ? 1u : 0u)) << state;
    EXPECT_EQ(msix.pending(), 0u);
    msix.raise(4);  // beyond the last
    EXPECT_EQ(msix.pending(), 0u);
  }
}

TEST(VirtualMsixTest, DisabledDeliversNothing) {
  Sink sink;
  VirtualMsix msix;
  msix.set_sink(&sink);
  msix.write_table(0x08, 8, 0x20);
  msix.raise(0);
  EXPECT_EQ(msix.pending(), 0u);
  msix.set_control(true, false);
  EXPECT_TRUE(sink.vectors.empty());
}

TEST(VirtualMsixTest, TableReadsBackWhatWasWritten) {
  VirtualMsix msix;
  msix.write_table(0x10, 4, 0xFEE0'1003);
  msix.write_table(0x14, 4, 0x1);
  msix.write_table(0x18, 4, 0x1234);
  EXPECT_EQ(msix.read_table(0x10, 8), 0x1'FEE0'1000u);
  EXPECT_EQ(msix.read_table(0x18, 8), 0x1'0000'1234u);
  EXPECT_EQ(msix.read_table(0x1C, 4), 1u);
}

}  // namespace
}  // namespace siov::vdcm
