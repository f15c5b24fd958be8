# SPDX-License-Identifier: Apache-2.0
# Verbs of the project. CI runs verbs only, so any red step is repeated by typing it. `make` prints this list.
SHELL := /bin/bash
BUILD ?= build
OUT ?= out
SEED ?= 1
ARGS ?=
PERSONALITY ?= default
FUZZ_SCALE ?= 10
SECONDS ?= 600
SIOV_LAB ?= $(BUILD)/guest
PROGRAM := $(BUILD)/siov-cosim
CTEST := ctest --test-dir $(BUILD) --output-on-failure --no-tests=error -j $$(scripts/jobs.sh)
CPP_SOURCES = $$(git ls-files '*.cpp' '*.hpp')

.DEFAULT_GOAL := help
.PHONY: help setup configure build run test test-unit test-rtl test-system test-modes test-negative test-assertions test-cocotb lint format \
        format-check abi abi-check synth synth-personalities netlist netlist-check waves views-check sanitize coverage bench \
        bench-iommu fuzz fuzz-iommu linux-guest clean-guest ci clean

help:            ## this text
	@echo "siov-cosim: type one of"
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | awk -F ':.*## ?' '{printf "  make %-19s %s\n", $$1, $$2}'
	@echo "variables: SEED=$(SEED) SECONDS=$(SECONDS) FUZZ_SCALE=$(FUZZ_SCALE) PERSONALITY=$(PERSONALITY) (of synth) OUT=$(OUT) BUILD=$(BUILD) ARGS='more options of siov-cosim'"

setup:           ## install missing Debian packages (root or sudo; otherwise names them)
	@scripts/setup.sh

configure: setup
	@test -f $(BUILD)/build.ninja || cmake -S . -B $(BUILD) -G Ninja -DCMAKE_BUILD_TYPE=Release

build: configure ## compile everything into build/
	@cmake --build $(BUILD) -j $$(scripts/jobs.sh)

run: build       ## play the default scenario: four tenants, every transaction judged; results in out/run
	$(PROGRAM) run --seed $(SEED) --out $(OUT)/run $(ARGS)

test: build      ## every test
	$(CTEST)

test-unit: build     ## tests of single parts
	$(CTEST) -L unit

test-rtl: build      ## tests of RTL blocks
	$(CTEST) -L rtl

test-system: build   ## whole systems (SIOV_DEVICE=model: on the C++ device)
	$(CTEST) -L system

test-modes: build     ## the default and the all-operations scenario without ATS, with ATS, with page requests
	@for mode in off ats pri; do for s in default all_ops; do \
	  $(PROGRAM) run scenarios/$$s.toml --seed $(SEED) --translation-mode $$mode --out $(OUT)/modes/$$s-$$mode $(ARGS) || exit 1; done; done

test-negative: build ## every rule is seen to fire
	$(CTEST) -L negative

test-assertions: setup ## every RTL assertion is seen to fire, in mutants of the RTL
	@python3 tests/negative/rtl/assertion_mutants.py

test-cocotb: setup   ## cocotb block tests
	@test -d tests/cocotb && ls tests/cocotb/test_*.py >/dev/null 2>&1 || { echo "test-cocotb: no cocotb tests in this version"; exit 3; }
	@python3 -m pytest tests/cocotb

lint: setup abi-check ## Verilator -Wall over the RTL, in each personality
	@scripts/lint.sh

format:          ## format C++ in place
	@scripts/setup.sh lint
	@clang-format -i $(CPP_SOURCES)

format-check:    ## fail if a C++ file is not formatted
	@scripts/setup.sh lint
	@clang-format --dry-run --Werror $(CPP_SOURCES)

abi: setup       ## regenerate register and descriptor views from rtl/abi/siov_abi.toml
	@python3 rtl/abi/gen_abi.py
	@python3 rtl/engine/gen_crc.py

abi-check: setup ## fail if a generated view is stale
	@python3 rtl/abi/gen_abi.py --check
	@python3 rtl/engine/gen_crc.py --check

synth: setup     ## read the RTL with Yosys, report area and depth of each block in out/synth, write the netlist
	@scripts/synth.sh $(PERSONALITY) $(BUILD)/synth$(patsubst %,-%,$(filter-out default,$(PERSONALITY))) $(OUT)/synth

synth-personalities: setup ## the same for the small, the default and the large device
	@for p in $$(scripts/personality.sh names); do $(MAKE) --no-print-directory synth PERSONALITY=$$p || exit 1; done

netlist: configure ## build --device netlist from what synth wrote
	@$(MAKE) --no-print-directory synth PERSONALITY=default
	@cmake -S . -B $(BUILD) -DSIOV_NETLIST=ON >/dev/null
	@cmake --build $(BUILD) -j $$(scripts/jobs.sh)

netlist-check: netlist ## 1,000 descriptors on RTL and netlist must have one digest
	@scripts/netlist_check.sh $(PROGRAM) $(OUT)/netlist $(SEED)

waves: build     ## one short run with waves; then: gtkwave out/waves/waves.fst waves/descriptor_life.gtkw
	$(PROGRAM) run scenarios/small.toml --seed $(SEED) --out $(OUT)/waves --waves $(ARGS)

views-check: waves ## names in waves/*.gtkw exist in a fresh dump
	@scripts/setup.sh waves
	@python3 waves/check_views.py $(OUT)/waves/waves.fst waves/*.gtkw

sanitize: setup  ## unit and negative tests under address and undefined-behaviour sanitizers
	@cmake -S . -B $(BUILD)-sanitize -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DSIOV_RTL=OFF \
	  -DCMAKE_CXX_FLAGS="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
	@cmake --build $(BUILD)-sanitize -j $$(scripts/jobs.sh)
	@ctest --test-dir $(BUILD)-sanitize --output-on-failure --no-tests=error -j $$(scripts/jobs.sh)

linux-guest: build ## unmodified Linux drives the device: QEMU, idxd, accel-config, dsa_test (SIOV_LAB=DIR: where the lab is; ARGS)
	@scripts/guest/linux_guest.sh $(PROGRAM) $(SIOV_LAB) $(OUT)/linux-guest $(ARGS)

clean-guest:     ## remove the lab of linux-guest
	rm -rf $(SIOV_LAB)

coverage:        ## coverage report
	@echo "coverage: comes with the regression work; this version has no coverage build"; exit 3

bench: build     ## measure speed; results in out/bench/bench.json
	$(PROGRAM) bench --seed $(SEED) --out $(OUT)/bench $(ARGS)

bench-iommu: configure ## ns a look-up of the IOMMU model, warm and cold
	@scripts/setup.sh bench
	@cmake -S . -B $(BUILD) >/dev/null
	@cmake --build $(BUILD) -j $$(scripts/jobs.sh) --target iommu_benchmark
	$(BUILD)/tests/iommu_benchmark $(ARGS)

fuzz-iommu: configure ## the IOMMU against a second walker: FUZZ_SCALE times 120,000 translations on random tables
	@cmake --build $(BUILD) -j $$(scripts/jobs.sh) --target unit_iommu
	SIOV_FUZZ_SCALE=$(FUZZ_SCALE) $(BUILD)/unit_iommu --gtest_filter=WalkerFuzzTest.UnitAndReferenceAgree

fuzz: setup      ## libFuzzer over structures, registers and queues of the IOMMU for SECONDS
	@scripts/setup.sh fuzz
	@test -f $(BUILD)-fuzz/build.ninja || cmake -S . -B $(BUILD)-fuzz -G Ninja -DCMAKE_BUILD_TYPE=Release \
	  -DSIOV_FUZZ=ON -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_C_COMPILER=clang
	@cmake --build $(BUILD)-fuzz -j $$(scripts/jobs.sh)
	@scripts/fuzz.sh $(BUILD)-fuzz $(OUT)/fuzz $(SECONDS)

ci:              ## what continuous integration runs
	@.ci/run

clean:           ## remove build directories and results
	rm -rf $(BUILD) $(BUILD)-sanitize $(BUILD)-fuzz $(OUT)
