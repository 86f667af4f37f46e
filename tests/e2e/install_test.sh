#!/usr/bin/env bash
# `make install`: what it puts where, that README's example builds against it by pkg-config, by CMake and statically,
# and that the static libraries show schloss_* only.
#   tests/e2e/install_test.sh build/release/bin/schloss
set -uo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
build=$(dirname "$(dirname "$(realpath "$1")")")
flags=$(sanitizer_flags "$1")
prefix=$scratch/prefix

check "the libraries are built" cmake --build "$build" --target schloss_bin schloss schloss_kafka schloss_static schloss_kafka_static
check "it installs" cmake --install "$build" --prefix "$prefix" || exit
lib=$(dirname "$(find "$prefix" -name libschloss.a)")
version=$(sed -n 's/^Version: //p' "$lib/pkgconfig/schloss.pc")
case $version in
0.*) soname=libschloss.so.${version%.*} ;; # docs/abi.md
*) soname=libschloss.so.${version%%.*} ;;
esac

for file in bin/schloss include/schloss/schloss.h include/schloss/ext/prepare.h share/man/man1/schloss.1 \
    share/bash-completion/completions/schloss share/zsh/site-functions/_schloss; do
    check "$file is there" test -s "$prefix/$file"
done
check "the soname is $soname" bash -c "objdump -p '$lib/libschloss.so' | grep -qE 'SONAME +$soname\$'"
check "its links lead to libschloss.so.$version" test "$(readlink -f "$lib/$soname")" = "$lib/libschloss.so.$version"
while read -r function; do
    [ -s "$prefix/share/man/man3/$function.3" ] || echo "$function has no page"
done < <(cat "$root"/lib/libschloss*.exports) >"$scratch/pages"
check "each function has a manual page" diff /dev/null "$scratch/pages"
check "and all pages are clean roff" bash -c \
    "cd '$prefix/share/man'; for f in man[13]/*; do groff -man -ww -Tutf8 -z \"\$f\" 2>&1; done | diff /dev/null -"
check "the installed binary runs" "$prefix/bin/schloss" version
check "the bash completion parses" bash -n "$prefix/share/bash-completion/completions/schloss"

# How small: only of a build that people get.
if [ -z "$flags" ] && grep -q '^CMAKE_BUILD_TYPE:STRING=RelWithDebInfo' "$build/CMakeCache.txt"; then
    for limit in "lib/libschloss.so.$version 614400" "bin/schloss 6291456"; do
        strip -o "$scratch/stripped" "$(find "$prefix" -name "$(basename "${limit% *}")" -path "*${limit% *}")"
        size=$(stat -c %s "$scratch/stripped")
        check "${limit% *} stripped has $size bytes, at most ${limit#* }" test "$size" -le "${limit#* }"
    done
fi
for archive in libschloss libschloss-kafka; do
    nm -g --defined-only --format=posix "$lib/$archive.a" 2>/dev/null | awk 'NF > 2 { print $1 }' | sort >"$scratch/shown"
    # Sanitizers and coverage add names of their own.
    grep -vE '^(schloss_|__(asan|odr_asan|tsan|ubsan|gcov|llvm)|\.?_)' "$scratch/shown" >"$scratch/strangers"
    check "$archive.a shows functions" test -s "$scratch/shown"
    check "$archive.a shows schloss_* only" diff /dev/null "$scratch/strangers"
done
sed 's/$/ /' "$root/lib/libschloss.exports" | sort >"$scratch/dynamic"
nm -g --defined-only --format=posix "$lib/libschloss.a" 2>/dev/null | awk '/^schloss_/ { print $1 " " }' | sort >"$scratch/static"
check "libschloss.a shows what libschloss.so exports" diff "$scratch/dynamic" "$scratch/static"

readme_example "$scratch/example.c"
export PKG_CONFIG_PATH=$lib/pkgconfig
check "pkg-config knows schloss" pkg-config --exists schloss schloss-kafka
# shellcheck disable=SC2046,SC2086
check "the example builds by pkg-config" gcc -std=c17 $flags "$scratch/example.c" -o "$scratch/dynamic-app" \
    $(pkg-config --cflags --libs schloss-kafka) -Wl,-rpath,"$lib"
check "and loads the installed library" bash -c "ldd '$scratch/dynamic-app' | grep -q '=> $lib/libschloss.so'"
# shellcheck disable=SC2046,SC2086
check "it links statically" gcc -std=c17 $flags "$scratch/example.c" -o "$scratch/static-app" \
    $(pkg-config --cflags schloss-kafka) "$lib/libschloss-kafka.a" "$lib/libschloss.a" \
    $(pkg-config --libs rdkafka) $(sed -n 's/^Libs.private: //p' "$lib/pkgconfig/schloss.pc")
check "and needs no libschloss.so then" bash -c "! ldd '$scratch/static-app' | grep -q libschloss"

# The examples, as a user builds and runs them.
mkdir "$scratch/examples"
check "the examples build against the installed library" env CFLAGS="$flags" LDFLAGS="-Wl,-rpath,$lib" \
    make -C "$root/examples" OUT="$scratch/examples"
check "and run" env SCHLOSS="$prefix/bin/schloss" BUILD="$scratch/examples" timeout 300 "$root/examples/run"

mkdir "$scratch/app"
cp "$scratch/example.c" "$scratch/app/"
cat >"$scratch/app/CMakeLists.txt" <<CMAKE
cmake_minimum_required(VERSION 3.25)
project(app LANGUAGES C)
set(CMAKE_C_FLAGS "$flags")
find_package(schloss ${version%.*} REQUIRED)
add_executable(app example.c)
target_link_libraries(app PRIVATE schloss::schloss-kafka)
add_executable(app-static example.c)
target_link_libraries(app-static PRIVATE schloss::schloss-kafka-static)
CMAKE
check "find_package(schloss) works" cmake -G Ninja -S "$scratch/app" -B "$scratch/app/build" -DCMAKE_PREFIX_PATH="$prefix"
check "and both targets link" cmake --build "$scratch/app/build"
check "another minor version is refused" bash -c \
    "sed -i 's/find_package(schloss [^ ]*/find_package(schloss 99.1/' '$scratch/app/CMakeLists.txt';
    ! cmake -S '$scratch/app' -B '$scratch/app/build2' -G Ninja -DCMAKE_PREFIX_PATH='$prefix'"

if [ -z "$flags" ]; then
    check "a Debian package is made" cpack -G DEB --config "$build/CPackConfig.cmake" -B "$scratch/deb"
    deb=$(echo "$scratch"/deb/*.deb)
    for library in libssl3 libcurl4 libjansson4 librdkafka1 libmicrohttpd12 libsqlite3-0; do
        check "the package depends on $library" bash -c "dpkg-deb -f '$deb' Depends | grep -q '\b$library\b'"
    done
    check "it unpacks" dpkg-deb -x "$deb" "$scratch/unpacked"
    check "and its binary runs" "$scratch/unpacked/usr/bin/schloss" version
fi
