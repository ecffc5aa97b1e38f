# The commands a visitor needs; CMakePresets.json and CMakeLists.txt do the work.
#   make          install what is missing and build build/weir
#   make demo     build, then take a small model through R1's four stages and serve it on a page
#   make demo-text  build, then train a small model on the PostgreSQL manual and let it speak
#   make test     build and run every test
#   make test-all the same with g++, clang, address+undefined and thread sanitizers
#   make test-browser  drive the page in chromium, which it installs first
#   make bench    the micro-benchmarks;  make fuzz  the fuzz targets, FUZZ_SECONDS each
#   make format   clang-format over the tree;  make clean  remove every build folder
SHELL := /bin/bash
FUZZ_SECONDS ?= 60
# A compiler cache is used where one is installed.
export CMAKE_CXX_COMPILER_LAUNCHER ?= $(shell command -v ccache)

configure_and_build = cmake --preset $(1) >/dev/null && cmake --build --preset $(1)

.PHONY: build demo demo-text test test-all test-browser bench fuzz format clean

build: packages-build
	@$(call configure_and_build,release)

demo: packages-build
	@$(call configure_and_build,release) --target weir
	@scripts/demo

demo-text: packages-build packages-demo
	@$(call configure_and_build,release) --target weir
	@scripts/demo-text

test: packages-build packages-test
	@$(call configure_and_build,tests)
	@scripts/run-tests build

test-all: packages-fuzz test
	@$(call configure_and_build,clang)
	@scripts/run-tests build-clang
	@$(call configure_and_build,asan)
	@scripts/run-tests build-asan
	@$(call configure_and_build,tsan)
	@setarch -R scripts/run-tests build-tsan

test-browser: packages-build packages-test packages-browser
	@$(call configure_and_build,tests) --target weir_serve_test
	@build/src/serve/weir_serve_test --gtest_filter='Page.*'

bench: packages-build packages-bench
	@$(call configure_and_build,bench)
	@for program in build-bench/src/*/weir_*_bench; do $$program || exit 1; done

fuzz: packages-build packages-fuzz
	@$(call configure_and_build,fuzz)
	@scripts/run-fuzz build-fuzz $(FUZZ_SECONDS)

format: packages-format
	clang-format-14 -i $$(git ls-files --cached --others --exclude-standard '*.h' '*.cpp')

packages-%:
	@scripts/install-packages $*

clean:
	rm -rf build build-*
