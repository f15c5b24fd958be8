// SPDX-License-Identifier: Apache-2.0
// The builds beside the default one, and the two layouts of BAR0. @spec DSA 2.1, 2.5
#include "model/device_config.hpp"

namespace siov::model {

DeviceConfig DeviceConfig::small() {
  DeviceConfig c;
  c.num_wq = 4;
  c.num_groups = 2;
  c.num_engines = 1;
  c.wq_entries = 32;
  c.read_buffers = 32;
  c.ims_entries = 0;
  c.msix_vectors = 5;
  c.jobs_per_engine = 16;
  c.opcfg = false;
  c.evl = false;
  c.ats = false;
  c.fill16 = false;
  c.crc64 = false;
  return c;
}

DeviceConfig DeviceConfig::large() {
  DeviceConfig c;
  c.num_wq = 128;
  c.num_groups = 16;
  c.num_engines = 4;
  c.wq_entries = 4096;
  c.read_buffers = 255;
  c.ims_entries = 4096;
  c.msix_vectors = 129;
  c.tags_per_engine = 256;
  c.cmd_cap = true;
  c.batch1 = true;
  c.drain_readback = true;
  return c;
}

Bar0Layout Bar0Layout::of(const DeviceConfig& c) {
  Bar0Layout l;
  l.queue_stride = c.opcfg ? 64 : 32;
  const bool fits =
      c.num_wq <= 16 && c.msix_vectors <= 64 && c.num_groups <= 8 && c.ims_entries <= 2560;
  if (fits) return l;
  l.bytes = 0x40000;
  l.msix_permissions = 0x10000;
  l.groups = 0x14000;
  l.queues = 0x18000;
  l.msix = 0x20000;
  l.pending = 0x28000;
  l.ims = 0x30000;
  l.end = 0x40000;
  return l;
}

}  // namespace siov::model
