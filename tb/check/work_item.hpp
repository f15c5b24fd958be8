// SPDX-License-Identifier: Apache-2.0
// WorkItem: one descriptor, accepted at a portal or member of a batch: what it must do and what of
// that has been seen. Piece: one stretch of its destinations.
//
//   WorkItem* item = scoreboard.accept(submission, cycle);
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "abi/descriptor.hpp"
#include "check/batch.hpp"
#include "check/bench.hpp"
#include "check/range_index.hpp"
#include "model/predict.hpp"

namespace siov::check {

/// Bytes [lo, hi) of a destination.
struct Piece {
  std::uint64_t lo = 0, hi = 0;
  const std::byte* data = nullptr;  ///< what goes there; null if it cannot be told
  bool optional = false;            ///< may be written or not
};

struct WorkItem {
  std::uint64_t number = 0;  ///< unique, in order of start
  std::uint64_t order = 0;   ///< order of acceptance, from 0; a member has that of its batch
  std::uint32_t wq = 0;
  std::uint32_t member = kNoMember;  ///< index in its batch
  PasidState* space = nullptr;
  WorkItem* parent = nullptr;       ///< the batch, as long as that is under way
  InterruptEntry* entry = nullptr;  ///< only if an interrupt is due
  std::unique_ptr<Batch> batch;     ///< only of a batch
  abi::Descriptor descriptor;
  model::WorkContext context;
  model::Prediction expected;
  std::uint64_t data_lo = 0, data_hi = 0;  ///< around all pieces
  Piece piece;                             ///< the destination, if there is one only
  std::vector<Piece> pieces;               ///< all of them if there are several, by address
  std::uint64_t source_lo[2] = {0, 0}, source_hi[2] = {0, 0};
  Holes data, sources[2];  ///< what has not been written, requested
  std::uint64_t accepted_cycle = 0, progress_cycle = 0, record_cycle = 0, ready_cycle = 0;
  std::uint64_t since_cycle = 0;  ///< the device may have looked at its pages from then on
  std::size_t slot = 0;           ///< place in the list of active items
  std::uint8_t seen_status = 0;
  std::uint8_t logged_status = 0;  ///< of an entry that tells of a fault; a lost record: 0x1a
  std::uint8_t readbacks_asked = 0, readbacks_answered = 0;  ///< bit n: readback n
  bool active = false;
  bool dedicated = false;
  bool ims = false;      ///< handles name IMS entries
  bool touched = false;  ///< a TLP of it has been seen
  bool record_due = false, record_seen = false;
  bool log_due = false, log_seen = false;  ///< entry of the event log
  bool log_maybe = false;                  ///< a failure may have made an entry due
  bool interrupt_due = false, interrupt_seen = false;
  bool ready = false;         ///< its interrupt may come
  bool ready_masked = false;  ///< ... but the entry was masked when it became so
  bool racy = false;  ///< memory may change between prediction and execution: data is not judged
  bool open = false;  ///< racy, and what it writes or how it ends depends on that
  bool contended = false;  ///< destination shared with other work in flight: coverage is not judged
  bool shared_reads =
      false;  ///< source shared with other work in flight: requests cannot be attributed
  bool silent_end =
      false;  ///< may end without anything visible (dropped by a full queue, error without record)
  bool read_failed = false;                       ///< one of its reads has failed
  std::uint64_t failed_from = ~std::uint64_t{0};  ///< first byte of a source that failed to come
  bool read_maybe_failed = false;                 ///< a read has failed that may have been its own
  bool readback_failed = false;
  bool fault_maybe = false;        ///< a page that it needs has been refused
  bool record_maybe_lost = false;  ///< ... that of its record
  bool faulted = false;            ///< its record tells of a page fault
  bool data_after_record = false;  ///< ORDER-DATA-CR has been reported
  bool released = false;           ///< its ranges are no longer in the index
  bool maybe_dropped = false;      ///< member behind a fence that may have held it back
  bool over = false;               ///< member: its batch need not wait for it any more
  bool reported = false;           ///< a watchdog has spoken

  bool is_member() const { return member != kNoMember; }
  bool has_record_address() const { return descriptor.has(abi::kFlagCrav); }
  /// Its end shows at the port, by something other than an interrupt.
  bool end_visible() const { return record_due || log_due; }

  /// Its interrupt is all that is seen of it: when it has ended cannot be told.
  bool only_signals() const {
    return !end_visible() && destinations().empty() && expected.readbacks.empty();
  }

  std::span<const Piece> destinations() const {
    if (!pieces.empty()) return pieces;
    return {&piece, piece.hi > piece.lo ? std::size_t{1} : std::size_t{0}};
  }
  /// The piece with this byte, null if there is none.
  const Piece* piece_at(std::uint64_t address) const {
    if (pieces.empty()) return address >= piece.lo && address < piece.hi ? &piece : nullptr;
    return find_piece(address);
  }
  /// Some byte is missing that an undisturbed device writes.
  bool mandatory_left() const;
  bool data_optional() const {
    return read_failed || read_maybe_failed || faulted || !mandatory_left();
  }
  bool data_done() const { return data.empty() || contended || data_optional(); }
  /// The work failed before its end by what the link has shown.
  bool failed() const { return read_failed || readback_failed; }
  bool readbacks_done() const {
    const auto all = static_cast<std::uint8_t>((1u << expected.readbacks.size()) - 1);
    return readbacks_answered == all || failed() || read_maybe_failed || open || faulted;
  }
  bool log_done() const { return !log_due || log_seen; }
  /// Reading may stop early: at the first difference, when the record is full.
  bool may_stop_reading() const;
  /// It looks its pages up and shows nothing when it succeeds; each of them may still end it.
  /// @spec dsa.md 5.6 (20)
  bool only_looks_up() const {
    return context.ats && descriptor.opcode == abi::kOpCacheFlush && !record_due &&
           expected.readbacks.empty() && expected.status < abi::kStBadOpcode;
  }
  /// Everything before the record has been seen.
  bool sources_done() const;
  bool only_record_missing() const {
    const bool members_done = batch == nullptr || batch->complete;
    return record_due && !record_seen && data_done() && sources_done() && members_done;
  }
  /// Its batch has counted it, and its record has not come.
  bool owes_record() const {
    return maybe_dropped && record_due && !record_seen && !record_maybe_lost;
  }
  /// How it ended, as far as that is known.
  std::uint8_t status() const;
  bool status_uncertain() const {
    return !record_seen &&
           (read_maybe_failed || (fault_maybe && silent_end) || (open && !has_record_address()));
  }

 private:
  const Piece* find_piece(std::uint64_t address) const;
};

}  // namespace siov::check
