// SPDX-License-Identifier: Apache-2.0
// Manager: the management interface of a host: VMs and VDEVs come, work, move and go. Misuse is
// refused with a reason and changes nothing; legal steps are in transitions().
//
//   vdcm::Manager manager(vdcm, &log);
//   const auto vm = manager.create_vm({.vdevs = 4, .pasids = 8});
//   vdcm::VdevRequest request{.name = "db", .vm = *vm, .space = space};
//   request.queues = {vdcm::QueueRequest::shared()};          // the least-loaded one
//   const auto id = co_await manager.create(request);
//   if (!id) return id.error().reason;
//   co_await manager.start(*id);
//   guest::DsaDriver driver(**manager.device(*id), space);
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/result.hpp"
#include "coro/event.hpp"
#include "coro/task.hpp"
#include "vdcm/function_mode.hpp"
#include "vdcm/lifecycle_log.hpp"
#include "vdcm/manager_types.hpp"
#include "vdcm/migration.hpp"
#include "vdcm/placement.hpp"
#include "vdcm/vdcm.hpp"
#include "vdcm/vdev_state.hpp"

namespace siov::vdcm {

/// A VDEV on its way to another host's manager.
struct Move {
  VdevId id = 0;
  Space there;                       ///< of its default PASID on the other host
  MigratingGuest* guest = nullptr;   ///< CPUs that use it
  std::vector<QueueRequest> queues;  ///< there; empty: of the same kinds, wherever there is room
};

struct MoveResult {
  MigrationReport report;
  std::vector<VdevId> ids;  ///< at the other manager, in order
};

class Manager {
 public:
  template <class T>
  using Answer = Result<T, Refusal>;

  /// @param log  may be null. Both outlive this; the VMs and VDEVs of vdcm are made here only
  explicit Manager(Vdcm& vdcm, LifecycleLog* log = nullptr);
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  // Virtual machines ----------------------------------------------------------------------------
  Answer<VmId> create_vm(VmPolicy policy = {});
  /// Whatever state its VDEVs are in; waits for actions on them that have begun. @spec SIOV-H-31
  coro::Task<Answer<Done>> close_vm(VmId vm);
  /// A stricter policy does not take anything away. What a VM has counts against it.
  Answer<Done> set_policy(VmId vm, VmPolicy policy);
  [[nodiscard]] Answer<VmUsage> usage(VmId vm) const;
  Answer<Pasid> bind_pasid(VmId vm, Pasid guest, const Space& space);
  coro::Task<Answer<Done>> unbind_pasid(VmId vm, Pasid guest);

  // Virtual devices -----------------------------------------------------------------------------
  /// Chooses queues where the request does not. @spec SIOV-H-33, SIOV-H-34
  coro::Task<Answer<VdevId>> create(VdevRequest request);
  /// VDEVs of a type that could be created now by a VM without limits; dedicated queues and
  /// interrupt entries bound it, shared and emulated queues do not.
  [[nodiscard]] std::uint32_t available(VdevType type) const;
  /// Gives the VDEV to its guest: device() answers from now on.
  Answer<Done> start(VdevId id);
  /// Resets it and takes it from its guest.
  coro::Task<Answer<Done>> stop(VdevId id);
  coro::Task<Answer<Done>> pause(VdevId id);
  coro::Task<Answer<Done>> resume(VdevId id);
  /// The guest's CPUs must stand still. @spec SIOV-H-39
  coro::Task<Answer<SavedVdev>> save(VdevId id);
  /// Makes a created VDEV the saved one, paused; resume() lets it go on. @spec SIOV-H-44
  coro::Task<Answer<Done>> restore(VdevId id, const SavedVdev& saved);
  /// Other queues for a VDEV that its guest does not have. Its number stays.
  coro::Task<Answer<Done>> resize(VdevId id, std::vector<QueueRequest> queues);
  coro::Task<Answer<Done>> reset(VdevId id);
  coro::Task<Answer<Done>> destroy(VdevId id);
  /// All named VDEVs, running and of one VM, go to a VM of another manager, which has its guest
  /// PASIDs bound. Refused with every reason; they then run on here. @spec SIOV-H-38..H-44
  coro::Task<Answer<MoveResult>> migrate(std::vector<Move> moves, Manager& to, VmId vm_there,
                                         MigrationMemory& memory, DirtyLog& log,
                                         MigrationOptions options = {});

  /// What the guest uses, from start() on. @spec siov.md 3.1
  [[nodiscard]] Answer<Vdev*> device(VdevId id) const;
  [[nodiscard]] VdevState state(VdevId id) const;
  /// For the host's own eyes; nullptr when it is gone.
  [[nodiscard]] Vdev* inspect(VdevId id) const;
  [[nodiscard]] std::vector<VdevId> vdevs(VmId vm) const;
  [[nodiscard]] std::size_t vdev_count() const { return entries_.size(); }

  // Functions -----------------------------------------------------------------------------------
  /// Says how a function is used; VDEVs are on functions in SIOV mode only. Not while one has
  /// VDEVs.
  /// @spec SIOV-H-46
  coro::Task<Answer<Done>> set_mode(std::uint8_t function, FunctionMode mode,
                                    std::uint16_t virtual_functions = 0);
  /// kSiov unless set.
  [[nodiscard]] FunctionMode mode(std::uint8_t function) const;

  [[nodiscard]] Vdcm& vdcm() { return vdcm_; }

 private:
  struct Entry {
    VdevId id = 0;
    VdevRequest request;  ///< with the queues that it has
    VdevState state = VdevState::kCreated;
    std::optional<VdevAction> busy;
    Vdev* vdev = nullptr;
  };
  struct Vm {
    VmPolicy policy;
    VmUsage usage;
    bool closing = false;
  };
  class Busy;

  [[nodiscard]] Answer<Entry*> enter(VdevId id, VdevAction action);
  [[nodiscard]] Answer<Vm*> vm_of(VmId vm);
  [[nodiscard]] std::optional<Refusal> over_quota(const Vm& vm, const VmUsage& more) const;
  [[nodiscard]] std::optional<Refusal> no_entries(const VdevRequest& request,
                                                  const VdevRequest* instead_of) const;
  [[nodiscard]] Answer<VdevConfig> admit(VdevRequest& request, const VdevRequest* instead_of);
  [[nodiscard]] std::optional<Refusal> bad_request(const VdevRequest& request) const;
  Entry& enroll(VdevRequest request);
  void strike(Entry& entry);
  void account(const VdevRequest& request, bool add);
  void note(std::string event, VmId vm, const Entry* entry, std::string detail = {}) const;
  Refusal refuse(Refusal refusal, VmId vm, const Entry* entry, std::string_view action) const;

  Vdcm& vdcm_;
  LifecycleLog* log_;
  Placement placement_;
  std::map<VmId, Vm> vms_;
  std::unordered_map<VdevId, std::unique_ptr<Entry>> entries_;
  std::vector<std::uint32_t> interrupts_;  ///< entries set aside, by function
  struct Mode {
    FunctionMode mode = FunctionMode::kSiov;
    std::uint16_t virtual_functions = 0;
  };
  std::vector<Mode> modes_;  ///< by function
  std::set<std::pair<VmId, Pasid>> unbinding_;
  coro::Event idle_{"end of a management action"};
  VdevId next_id_ = 1;
};

}  // namespace siov::vdcm
