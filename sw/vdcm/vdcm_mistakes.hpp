// SPDX-License-Identifier: Apache-2.0
// VdcmMistakes: what device-specific host software gets wrong easily, switched on one by one by
// negative tests. All off is correct software.
//
//   vdcm.mistakes().msix_portal = true;
#pragma once

namespace siov::vdcm {

/// @spec siov.md 2.4
struct VdcmMistakes {
  bool msix_portal = false;           ///< 1: portals map the MSI-X flavour (H-08)
  bool neighbours_portal = false;     ///< portals of the next queue are mapped (H-07)
  bool guest_message_in_ims = false;  ///< 4: what the guest writes to MSI-X goes to IMS (H-23)
  bool pasid_off = false;             ///< 5: a queue without guest PASID runs without PASID (H-19)
  bool abort_shared_queue = false;    ///< 6: abort of one VDEV aborts the physical queue (H-17)
  bool map_before_translation = false;  ///< 7: portals without CPU PASID translation (H-09)
  bool reuse_pasid_early = false;       ///< 8: a PASID is free before the device is done (H-24)
  bool reset_keeps_queue = false;       ///< 9: reset leaves the physical queue running (H-30)
  bool forget_pasid = false;            ///< 9: the PASID is not restored after a reset (H-30)
  bool keep_portals = false;            ///< 10: reset, teardown, pause leave portals mapped (H-10)
  bool skip_cpu_flush = false;     ///< 10: unmapped, but the CPUs keep their translations (H-10)
  bool raw_errors = false;         ///< 12: errors in host terms, to all on the queue (H-36)
  bool save_before_drain = false;  ///< 10: paused, but work is still under way (H-38)
  bool drop_held = false;          ///< held descriptors are forgotten (H-42, siov.md 3.8)
  bool revoke_silently = false;    ///< 11: handles change and nobody is told (H-40)
  bool acknowledge_without_drain = false;       ///< 11: raised while work is under way (H-41)
  bool acknowledge_without_interrupts = false;  ///< 11: no interrupt after it (H-41)
};

}  // namespace siov::vdcm
