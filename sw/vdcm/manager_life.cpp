// SPDX-License-Identifier: Apache-2.0
// Manager: what happens to a VDEV between its creation and its end.
#include <fmt/format.h>

#include <algorithm>

#include "common/error.hpp"
#include "vdcm/manager.hpp"

namespace siov::vdcm {

namespace {

std::string joined(const std::vector<std::string>& reasons) {
  std::string text;
  for (const std::string& reason : reasons) text += (text.empty() ? "" : "; ") + reason;
  return text;
}

std::string states_for(VdevAction action) {
  std::string text;
  for (const Transition& t : transitions()) {
    if (t.action != action) continue;
    if (!text.empty()) text += " or ";
    text += to_string(t.from);
  }
  return text;
}

}  // namespace

/// An action under way; others are refused meanwhile.
class Manager::Busy {
 public:
  Busy(Manager& manager, Entry& entry, VdevAction action) : manager_(manager), entry_(entry) {
    entry_.busy = action;
  }
  ~Busy() {
    if (!gone_) entry_.busy.reset();
    manager_.idle_.set();
  }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  /// The entry does not exist any more.
  void gone() { gone_ = true; }

 private:
  Manager& manager_;
  Entry& entry_;
  bool gone_ = false;
};

/// The VDEV, if the action is possible now.
Manager::Answer<Manager::Entry*> Manager::enter(VdevId id, VdevAction action) {
  const auto it = entries_.find(id);
  if (it == entries_.end()) {
    return Failure{refuse({RefusalCode::kUnknownVdev, fmt::format("there is no VDEV {}", id)}, 0,
                          nullptr, to_string(action))};
  }
  Entry& entry = *it->second;
  const auto refused = [&](RefusalCode code, std::string reason) {
    return Failure{refuse({code, std::move(reason)}, entry.request.vm, &entry, to_string(action))};
  };
  const Answer<Vm*> vm = vm_of(entry.request.vm);
  if (!vm) return refused(vm.error().code, vm.error().reason);
  if (entry.busy || entry.vdev == nullptr) {
    return refused(RefusalCode::kBusy, fmt::format("{} is busy: {}", entry.request.name,
                                                   entry.busy ? to_string(*entry.busy) : "create"));
  }
  if (!after(action, entry.state)) {
    return refused(RefusalCode::kState, fmt::format("{} is {}, it has to be {}", entry.request.name,
                                                    to_string(entry.state), states_for(action)));
  }
  return &entry;
}

Manager::Answer<Done> Manager::start(VdevId id) {
  const Answer<Entry*> entry = enter(id, VdevAction::kStart);
  if (!entry) return Failure{entry.error()};
  (*entry)->state = VdevState::kRunning;
  note("started", (*entry)->request.vm, *entry);
  return Done{};
}

coro::Task<Manager::Answer<Done>> Manager::stop(VdevId id) {
  const Answer<Entry*> found = enter(id, VdevAction::kStop);
  if (!found) {
    Answer<Done> refused(Failure{found.error()});
    co_return refused;
  }
  Entry& entry = **found;
  Busy busy(*this, entry, VdevAction::kStop);
  co_await entry.vdev->reset();
  if (entry.vdev->paused()) {
    const std::string wrong = co_await entry.vdev->resume();  // nothing is held any more
    if (!wrong.empty()) throw HarnessError("a VDEV that was reset does not resume: " + wrong);
  }
  entry.state = VdevState::kCreated;
  note("stopped", entry.request.vm, &entry);
  co_return Done{};
}

coro::Task<Manager::Answer<Done>> Manager::pause(VdevId id) {
  const Answer<Entry*> found = enter(id, VdevAction::kPause);
  if (!found) {
    Answer<Done> refused(Failure{found.error()});
    co_return refused;
  }
  Entry& entry = **found;
  Busy busy(*this, entry, VdevAction::kPause);
  co_await entry.vdev->pause();
  entry.state = VdevState::kPaused;
  note("paused", entry.request.vm, &entry);
  co_return Done{};
}

coro::Task<Manager::Answer<Done>> Manager::resume(VdevId id) {
  const Answer<Entry*> found = enter(id, VdevAction::kResume);
  if (!found) {
    Answer<Done> refused(Failure{found.error()});
    co_return refused;
  }
  Entry& entry = **found;
  Busy busy(*this, entry, VdevAction::kResume);
  const std::string wrong = co_await entry.vdev->resume();
  if (!wrong.empty()) {
    Refusal why{RefusalCode::kIncompatible, wrong};
    Answer<Done> refused(Failure{refuse(std::move(why), entry.request.vm, &entry, "resume")});
    co_return refused;
  }
  entry.state = VdevState::kRunning;
  note("resumed", entry.request.vm, &entry);
  co_return Done{};
}

coro::Task<Manager::Answer<SavedVdev>> Manager::save(VdevId id) {
  const Answer<Entry*> found = enter(id, VdevAction::kSave);
  if (!found) {
    Answer<SavedVdev> refused(Failure{found.error()});
    co_return refused;
  }
  Entry& entry = **found;
  Busy busy(*this, entry, VdevAction::kSave);
  SavedVdev saved = co_await entry.vdev->save();
  entry.state = VdevState::kSaved;
  note("saved", entry.request.vm, &entry, fmt::format("{} descriptors held", saved.held.size()));
  co_return std::move(saved);
}

coro::Task<Manager::Answer<Done>> Manager::restore(VdevId id, const SavedVdev& saved) {
  const Answer<Entry*> found = enter(id, VdevAction::kRestore);
  if (!found) {
    Answer<Done> refused(Failure{found.error()});
    co_return refused;
  }
  Entry& entry = **found;
  std::optional<Refusal> why;
  if (const std::vector<Pasid> missing = entry.vdev->missing_pasids(saved); !missing.empty()) {
    why = Refusal{RefusalCode::kPasid, fmt::format("guest PASID {:#x} is not bound in VM {}",
                                                   missing[0].value, entry.request.vm)};
  } else if (const std::vector<std::string> reasons = entry.vdev->restore(saved);
             !reasons.empty()) {
    why = Refusal{RefusalCode::kIncompatible, joined(reasons)};
  }
  if (why) {
    Answer<Done> refused(Failure{refuse(std::move(*why), entry.request.vm, &entry, "restore")});
    co_return refused;
  }
  entry.state = VdevState::kPaused;
  note("restored", entry.request.vm, &entry);
  co_return Done{};
}

/// Everything is checked with its own queues counted as free; meanwhile nobody else gets them.
coro::Task<Manager::Answer<Done>> Manager::resize(VdevId id, std::vector<QueueRequest> queues) {
  const Answer<Entry*> found = enter(id, VdevAction::kResize);
  if (!found) {
    Answer<Done> refused(Failure{found.error()});
    co_return refused;
  }
  Entry& entry = **found;
  VdevRequest wanted = entry.request;
  wanted.queues = std::move(queues);
  wanted.vectors = 0;
  Answer<VdevConfig> config = admit(wanted, &entry.request);
  if (!config) {
    Answer<Done> refused(Failure{refuse(config.error(), entry.request.vm, &entry, "resize")});
    co_return refused;
  }
  Busy busy(*this, entry, VdevAction::kResize);
  placement_.hold(wanted.queues);
  account(entry.request, false);
  account(wanted, true);
  Vdev& old = *entry.vdev;
  entry.request = wanted;
  co_await vdcm_.destroy_vdev(old);
  placement_.release(wanted.queues);
  entry.vdev = co_await vdcm_.create_vdev(std::move(config.value()));
  note("resized", wanted.vm, &entry, fmt::format("{} queues", wanted.queues.size()));
  co_return Done{};
}

coro::Task<Manager::Answer<Done>> Manager::reset(VdevId id) {
  const Answer<Entry*> found = enter(id, VdevAction::kReset);
  if (!found) {
    Answer<Done> refused(Failure{found.error()});
    co_return refused;
  }
  Entry& entry = **found;
  Busy busy(*this, entry, VdevAction::kReset);
  co_await entry.vdev->reset();
  entry.state = *after(VdevAction::kReset, entry.state);
  note("reset", entry.request.vm, &entry);
  co_return Done{};
}

coro::Task<Manager::Answer<Done>> Manager::destroy(VdevId id) {
  const Answer<Entry*> found = enter(id, VdevAction::kDestroy);
  if (!found) {
    Answer<Done> refused(Failure{found.error()});
    co_return refused;
  }
  Entry& entry = **found;
  Busy busy(*this, entry, VdevAction::kDestroy);
  co_await vdcm_.destroy_vdev(*entry.vdev);
  note("destroyed", entry.request.vm, &entry);
  busy.gone();
  strike(entry);
  co_return Done{};
}

coro::Task<Manager::Answer<MoveResult>> Manager::migrate(std::vector<Move> moves, Manager& to,
                                                         VmId vm_there, MigrationMemory& memory,
                                                         DirtyLog& log, MigrationOptions options) {
  std::vector<Entry*> here;
  std::vector<Entry*> there;
  MigrationPlan plan;
  plan.from = &vdcm_;
  plan.to = &to.vdcm_;
  std::optional<Refusal> why;
  for (const Move& move : moves) {
    const Answer<Entry*> found = enter(move.id, VdevAction::kMigrate);
    if (!found) {
      why = found.error();
    } else if (std::ranges::count(here, *found) != 0) {
      why = Refusal{RefusalCode::kRequest, fmt::format("VDEV {} is named twice", move.id)};
    } else if (move.guest == nullptr) {
      why = Refusal{RefusalCode::kRequest, "nobody stops the guest's CPUs"};
    } else if (!here.empty() && here[0]->request.vm != (*found)->request.vm) {
      why = Refusal{RefusalCode::kRequest, "VDEVs of different VMs"};
    }
    if (why) break;
    here.push_back(*found);
  }
  if (!why && &to == this) why = Refusal{RefusalCode::kRequest, "the target is this host"};
  if (!why && (here.empty() || vdevs(here[0]->request.vm).size() != here.size()))
    why = Refusal{RefusalCode::kRequest, "all VDEVs of a VM move together"};
  for (std::size_t i = 0; i < here.size() && !why; ++i) {
    VdevRequest request = here[i]->request;
    request.vm = vm_there;
    request.space = moves[i].there;
    if (moves[i].queues.empty()) {
      for (std::uint8_t q = 0; q < request.queues.size(); ++q) {
        request.queues[q].wq.reset();
        request.queues[q].entries = here[i]->vdev->queue(q).description().size;
      }
    } else {
      request.queues = moves[i].queues;
    }
    Answer<VdevConfig> config = to.admit(request, nullptr);
    if (!config) {
      why = config.error();
      break;
    }
    to.placement_.hold(request.queues);  // two of them may want the same queue
    there.push_back(&to.enroll(std::move(request)));
    there.back()->busy = VdevAction::kMigrate;
    plan.vdevs.push_back({here[i]->vdev, std::move(config.value()), moves[i].guest});
  }
  MoveResult result;
  if (!why) {
    std::vector<std::unique_ptr<Busy>> busy;
    for (Entry* const entry : here)
      busy.push_back(std::make_unique<Busy>(*this, *entry, VdevAction::kMigrate));
    result.report = co_await vdcm::migrate(std::move(plan), memory, log, std::move(options));
    if (!result.report.moved) why = Refusal{RefusalCode::kMigration, joined(result.report.reasons)};
    for (const auto& b : busy) {
      if (result.report.moved) b->gone();
    }
  }
  for (Entry* const entry : there) {
    to.placement_.release(entry->request.queues);
    entry->busy.reset();
  }
  to.idle_.set();
  if (why) {
    for (Entry* const entry : there) to.strike(*entry);
    const Entry* const entry = here.empty() ? nullptr : here[0];
    const VmId vm = entry == nullptr ? VmId{0} : entry->request.vm;
    Answer<MoveResult> refused(Failure{refuse(std::move(*why), vm, entry, "migrate")});
    co_return refused;
  }
  for (std::size_t i = 0; i < here.size(); ++i) {
    there[i]->vdev = result.report.targets[i];
    there[i]->state = VdevState::kRunning;
    result.ids.push_back(there[i]->id);
    to.note("arrived", vm_there, there[i], here[i]->request.name);
    note("migrated", here[i]->request.vm, here[i],
         fmt::format("downtime {} cycles", result.report.downtime_cycles));
    strike(*here[i]);
  }
  co_return std::move(result);
}

}  // namespace siov::vdcm
