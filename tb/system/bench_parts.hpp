// SPDX-License-Identifier: Apache-2.0
// The single measurements behind run_bench(). Private to tb/system.
//
//   const double ratio = system::measure_cosim_over_bare(options, note);
#pragma once

#include <string>

#include "system/bench.hpp"

namespace siov::system {

/// Payload bytes a cycle over what the link allows. @param note  receives how it was measured
/// @param batch  members of a batch; 1: single descriptors
double measure_link(const BenchOptions& options, std::uint32_t queues, std::uint32_t bytes,
                    std::uint32_t batch, std::string& note);
/// The same for 4 KiB on one queue with ATS on: the cache is warm when the measured part begins.
double measure_link_ats(const BenchOptions& options, std::string& note);
double measure_descriptor_rate(const BenchOptions& options, std::string& note);
double measure_cosim_over_bare(const BenchOptions& options, std::string& note);
/// Wall time a descriptor with `many` VDEVs over that with `few`.
double measure_tenants_flatness(const BenchOptions& options, std::string& note);
/// Slowdown with waves being written.
double measure_waves_on(const BenchOptions& options);

/// The middle value; the mean of the two middle ones for an even count. Not empty.
double median(std::vector<double> values);

}  // namespace siov::system
