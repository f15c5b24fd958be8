// SPDX-License-Identifier: Apache-2.0
// Every rule the checkers can report: its name, the clause it stands on, one sentence.
// tests/negative/check breaks each of them. Rules of the checklist that are not here: see the table
// in README.md.
//
//   std::cout << check::rule_info(check::Rule::kSbData).name;   // SB-DATA
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace siov::check {

// clang-format off
#define SIOV_CHECK_RULES(X) \
  X(kPcie01, "PCIE-01", "pcie 12.1", "Fmt/Type is defined and legal for its direction") \
  X(kPcie02, "PCIE-02", "pcie 12.1", "header length fits the address: 3 DW below 4 GB, 4 DW above") \
  X(kPcie03, "PCIE-03", "pcie 12.1", "payload equals Length; no payload on a data-less format") \
  X(kPcie04, "PCIE-04", "pcie 12.1", "EP only with payload; no TD") \
  X(kPcie05, "PCIE-05", "pcie 12.1", "AT is 00 while ATS is disabled and on everything but memory requests; AT 01 only on reads") \
  X(kPcie06, "PCIE-06", "pcie 12.1", "traffic class inside the configured map") \
  X(kPcie07, "PCIE-07", "pcie 12.1", "RO, NS, IDO only where their enables allow them; none on messages") \
  X(kPcie08, "PCIE-08", "pcie 12.1", "only the PASID prefix, on a TLP that may carry one") \
  X(kPcie09, "PCIE-09", "pcie 12.1", "configuration and I/O requests: Length 1, LastBE 0, TC 0, Attr 0") \
  X(kPcie10, "PCIE-10", "pcie 12.1", "reserved header and prefix bits are 0") \
  X(kPcie11, "PCIE-11", "pcie 12.2", "payload of a request <= Max_Payload_Size") \
  X(kPcie12, "PCIE-12", "pcie 12.2", "read length <= Max_Read_Request_Size") \
  X(kPcie13, "PCIE-13", "pcie 12.2", "no request crosses 4 KiB") \
  X(kPcie14, "PCIE-14", "pcie 12.2", "byte enables are legal") \
  X(kPcie15, "PCIE-15", "pcie 12.2", "Requester ID is the captured bus/device and own function") \
  X(kPcie16, "PCIE-16", "pcie 12.2", "tag is free and inside the enabled range") \
  X(kPcie17, "PCIE-17", "pcie 12.2", "Bus Master Enable set for every memory request") \
  X(kPcie18, "PCIE-18", "pcie 12.2", "silence after FLR or after Bus Master Enable was cleared") \
  X(kPcie19, "PCIE-19", "pcie 12.2", "no AtomicOp without its enable") \
  X(kPcie20, "PCIE-20", "pcie 12.2", "the device sends no deferrable write") \
  X(kPcie21, "PCIE-21", "pcie 12.2", "outstanding reads within the configured bound") \
  X(kPcie22, "PCIE-22", "pcie 12.2", "no access outside what a descriptor of this PASID allows") \
  X(kPcie23, "PCIE-23", "pcie 12.3", "PASID prefix only while PASID Enable is 1") \
  X(kPcie24, "PCIE-24", "pcie 12.3", "PASID is that of a live ADI") \
  X(kPcie25, "PCIE-25", "pcie 12.3", "PMR and ER only with capability and enable") \
  X(kPcie26, "PCIE-26", "pcie 12.3", "no prefix on completions, messages and interrupt writes") \
  X(kPcie27, "PCIE-27", "pcie 12.3", "translated request: PASID only with its enable, and that of its translation") \
  X(kPcie28, "PCIE-28", "pcie 12.3", "every DMA of an ADI carries a PASID") \
  X(kPcie29, "PCIE-29", "pcie 12.3", "no TLP with a PASID after its stop has completed") \
  X(kPcie30, "PCIE-30", "pcie 12.3", "received PASID request while PASID Enable is 0 gets UR") \
  X(kPcie32, "PCIE-32", "pcie 12.4", "completion matches an outstanding request") \
  X(kPcie33, "PCIE-33", "pcie 12.4", "completion copies TC and Attr; Completer ID is the captured one") \
  X(kPcie34, "PCIE-34", "pcie 12.4", "completion status defined; Request Retry only where it may be") \
  X(kPcie35, "PCIE-35", "pcie 12.4", "data only with success and only for reads") \
  X(kPcie36, "PCIE-36", "pcie 12.4", "Byte Count starts right and counts down") \
  X(kPcie37, "PCIE-37", "pcie 12.4", "Lower Address right") \
  X(kPcie38, "PCIE-38", "pcie 12.4", "completions split at the read completion boundary") \
  X(kPcie39, "PCIE-39", "pcie 12.4", "completion payload fits what is left and Max_Payload_Size") \
  X(kPcie40, "PCIE-40", "pcie 12.4", "nothing after the final completion of a read") \
  X(kPcie41, "PCIE-41", "pcie 12.4", "exactly one completion for configuration and deferrable writes") \
  X(kPcie42, "PCIE-42", "pcie 12.4", "completion before its deadline") \
  X(kPcie43, "PCIE-43", "pcie 12.4", "zero-length read: one DW, Byte Count 1") \
  X(kPcie44, "PCIE-44", "pcie 12.4", "completion data equals the reference memory or register") \
  X(kPcie45, "PCIE-45", "pcie 12.4", "failed read ends its descriptor with the read error status") \
  X(kPcie54, "PCIE-54", "pcie 12.5", "credits: never overdrawn, returned once, minimum advertisement") \
  X(kPcie55, "PCIE-55", "pcie 12.5", "posted requests accepted within 10 us") \
  X(kPcie56, "PCIE-56", "pcie 12.5", "work of every ADI makes progress") \
  X(kPcie57, "PCIE-57", "pcie 12.6", "interrupt write equals a programmed entry; one DW, all bytes") \
  X(kPcie58, "PCIE-58", "pcie 12.6", "no interrupt while masked or disabled") \
  X(kPcie59, "PCIE-59", "pcie 12.6", "pending bit is set exactly while an event waits") \
  X(kPcie60, "PCIE-60", "pcie 12.6", "unmasking a pending entry sends one message") \
  X(kPcie62, "PCIE-62", "pcie 12.6", "interrupt entry belongs to the work that signals it") \
  X(kPcie63, "PCIE-63", "pcie 12.7", "translation request: even Length, all bytes, page address") \
  X(kPcie64, "PCIE-64", "pcie 12.7", "translated request inside a granted range, with its right; ranges of at least one STU") \
  X(kPcie65, "PCIE-65", "pcie 12.7", "range with U = 1 is accessed untranslated") \
  X(kPcie66, "PCIE-66", "pcie 12.7", "no translated request that relies on an invalidated translation") \
  X(kPcie67, "PCIE-67", "pcie 12.7", "Invalidate Completion: outstanding ITag, to its requester, always the same count") \
  X(kPcie68, "PCIE-68", "pcie 12.7", "Invalidate Completion after the reads that used the entry") \
  X(kPcie69, "PCIE-69", "pcie 12.7", "every Invalidate Request is answered in time; not more than the device can take") \
  X(kPcie70, "PCIE-70", "pcie 12.7", "page request: enabled, group not reused before its response, one last request a group") \
  X(kPcie71, "PCIE-71", "pcie 12.7", "PRG response matches one group; unknown index and failure show in the status and stop") \
  X(kPcie72, "PCIE-72", "pcie 12.7", "PASID on a PRG response exactly as the status says") \
  X(kPcie73, "PCIE-73", "pcie 12.7", "stop marker behind all page requests of its PASID") \
  X(kPcie74, "PCIE-74", "pcie 12.7", "success of a page request is followed by a translation request; bounded retry") \
  X(kPcie75, "PCIE-75", "pcie 12.8", "deferrable write to a live shared portal is answered success or retry") \
  X(kPcie78, "PCIE-78", "pcie 12.8", "deferrable write of wrong size, alignment or place is not accepted") \
  X(kPcie79, "PCIE-79", "pcie 12.8", "poisoned deferrable write is answered UR or retry") \
  X(kPcie80, "PCIE-80", "pcie 12.8", "disabled queue accepts nothing") \
  X(kPcie81, "PCIE-81", "pcie 12.8", "posted write to a shared portal, deferrable to a dedicated one: no work") \
  X(kPcie84, "PCIE-84", "pcie 12.8", "no retry while the queue has room") \
  X(kPcie86, "PCIE-86", "pcie 12.8", "torn portal writes create no work") \
  X(kPcie87, "PCIE-87", "pcie 12.9", "configuration registers read back what was written where they may") \
  X(kPcie88, "PCIE-88", "pcie 12.9", "capability lists terminate and are aligned") \
  X(kPcie89, "PCIE-89", "pcie 12.9", "bus/device number recaptured on every configuration write") \
  X(kPcie90, "PCIE-90", "pcie 12.9", "register values after FLR") \
  X(kPcie92, "PCIE-92", "pcie 12.9", "no error message in a clean run") \
  X(kPcie93, "PCIE-93", "pcie 12.9", "no DMA in D3hot") \
  X(kSiovD08, "SIOV-D-08", "siov 2.1", "privileged attribute is that of the queue or descriptor") \
  X(kSiovD22, "SIOV-D-22", "siov 2.1", "request for an ADI carries that ADI's PASID, not another's") \
  X(kSiovD23, "SIOV-D-23", "siov 2.1", "PASID of a dedicated queue comes from host state, not the descriptor") \
  X(kSiovD25, "SIOV-D-25", "siov 2.1", "translation request for an ADI carries that ADI's PASID") \
  X(kSiovD26, "SIOV-D-26", "siov 2.1", "translated address was granted to the PASID that the work belongs to") \
  X(kSiovD27, "SIOV-D-27", "siov 2.1", "interrupt messages are single-DW untranslated writes") \
  X(kSiovD28, "SIOV-D-28", "siov 2.1", "DMA into the interrupt window stays DMA: it carries its PASID") \
  X(kSiovD33, "SIOV-D-33", "siov 2.1", "a refused interrupt handle sends nothing") \
  X(kSiovD41, "SIOV-D-41", "siov 2.1", "after a reset no old translation is used and no page request is outstanding") \
  X(kSiovD44, "SIOV-D-44", "siov 2.1", "drain completes only after the work accepted before it") \
  X(kSiovD54, "SIOV-D-54", "siov 2.1", "page requests carry the PASID of a live ADI") \
  X(kSiovD55, "SIOV-D-55", "siov 2.1", "outstanding page requests stay within the allocation") \
  X(kSiovD56, "SIOV-D-56", "siov 2.1, dsa 5.7", "block on fault decides whether work ends at an absent page or asks for it") \
  X(kSiovD57, "SIOV-D-57", "siov 2.1, PCIE-76", "a retried submission leaves no trace") \
  X(kSbData, "SB-DATA", "dsa 5.6", "written data is what the operation gives") \
  X(kSbCover, "SB-COVER", "dsa 5.6, PCIE-22", "every byte of the destination is written exactly once") \
  X(kSbReads, "SB-READS", "dsa 5.6, PCIE-22", "every byte of the sources is requested exactly once") \
  X(kSbReadback, "SB-READBACK", "dsa 5.3, 5.6 (02)", "readbacks come after the data and are answered before the record") \
  X(kBatchRecord, "BATCH-RECORD", "dsa 5.6 (01)", "status and count of a batch record are those of its members") \
  X(kCrOnce, "CR-ONCE", "dsa 5.3, PCIE-77", "a completion record is written once") \
  X(kCrBytes, "CR-BYTES", "dsa 5.4", "completion record has the predicted content") \
  X(kCrShape, "CR-SHAPE", "dsa 5.3", "completion record is one aligned 32-byte write") \
  X(kCrUndue, "CR-UNDUE", "dsa 5.4", "no completion record where none is due") \
  X(kCrMissing, "CR-MISSING", "dsa 5.4", "a due completion record is written") \
  X(kFaultCause, "FAULT-CAUSE", "dsa 5.7", "work ends with a fault only at a page of its operands that was refused to it") \
  X(kFaultRecord, "FAULT-RECORD", "dsa 5.4, 5.6", "address, access and bytes completed of a fault are those of the work") \
  X(kBatchFetch, "BATCH-FETCH", "dsa 5.6 (01)", "each member of a batch is fetched once, and before it starts") \
  X(kBatchFence, "BATCH-FENCE", "dsa 5.6 (01)", "a fenced member starts after those before it, and not after a failure") \
  X(kBatchLast, "BATCH-LAST", "dsa 5.3", "the batch record comes after all records and data of its members") \
  X(kReadBuffers, "READ-BUFFERS", "dsa 2.8, 5.11", "data reads of a group stay within its read buffers") \
  X(kOrderDataCr, "ORDER-DATA-CR", "PCIE-50, dsa 5.3", "all data before the completion record") \
  X(kOrderCrIrq, "ORDER-CR-IRQ", "SIOV-D-37, dsa 5.3", "interrupt after the completion record") \
  X(kIrqOnce, "IRQ-ONCE", "PCIE-61", "one interrupt for each event") \
  X(kIrqMissing, "IRQ-MISSING", "PCIE-61", "every event is signalled") \
  X(kIrqOcc, "IRQ-OCC", "dsa 2.9", "one occupancy message for each fall of a queue to its limit") \
  X(kEvlOwner, "EVL-OWNER", "dsa 2.11, SIOV-D-24", "log entries carry PASID and privilege of EVLCFG and traffic class 0") \
  X(kEvlRing, "EVL-RING", "dsa 2.11", "log entries are written at the tail, in order, only while there is room") \
  X(kEvlEntry, "EVL-ENTRY", "dsa 2.11", "a log entry tells of an error that was made, with its content") \
  X(kEvlMissing, "EVL-MISSING", "dsa 2.11", "every error is written to the log while it is on") \
  X(kSwErr, "SWERR-CODE", "dsa 2.7", "SWERROR shows an error that was made") \
  X(kIdleTags, "IDLE-TAGS", "style 7", "no request outstanding at the end") \
  X(kIdleDesc, "IDLE-DESC", "style 7", "no descriptor outstanding at the end") \
  X(kIdleCredits, "IDLE-CREDITS", "style 7", "all credits returned at the end")
// clang-format on

#define SIOV_CHECK_RULE_ENUM(id, name, clause, what) id,
enum class Rule : std::uint8_t { SIOV_CHECK_RULES(SIOV_CHECK_RULE_ENUM) kCount };
#undef SIOV_CHECK_RULE_ENUM

inline constexpr std::size_t kNumRules = static_cast<std::size_t>(Rule::kCount);

struct RuleInfo {
  Rule rule;
  std::string_view name;    ///< what a report prints and what users search for
  std::string_view clause;  ///< where the rule comes from
  std::string_view what;    ///< what must hold
};

#define SIOV_CHECK_RULE_INFO(id, name, clause, what) RuleInfo{Rule::id, name, clause, what},
inline constexpr std::array<RuleInfo, kNumRules> kRules = {
    {SIOV_CHECK_RULES(SIOV_CHECK_RULE_INFO)}};
#undef SIOV_CHECK_RULE_INFO

constexpr const RuleInfo& rule_info(Rule rule) { return kRules[static_cast<std::size_t>(rule)]; }

}  // namespace siov::check
