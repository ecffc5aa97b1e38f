// How a panel keeps the codes of 32 numbers of its sixteen rows. A quad is four consecutive numbers
// of each row, one byte a number, in sixteen lanes; eight of them are a group. Fewer bits than
// eight share bytes, in such a way that two or three operations on whole registers part them.
// Written over one sixteen_*-inl.h.
#pragma once
#include <cstddef>
#include <cstdint>

namespace weir {
namespace {

constexpr int kQuadBytes = 64;
constexpr int kQuads = 8;  // of a group

template <int kBits>
struct PackedCodes;

// The bits of `mask` in every byte, moved right by kRight.
template <int kRight>
inline Sixteen field(Sixteen a, int mask) {
  return moved<kRight>(a) & splat_byte(mask);
}

template <>
struct PackedCodes<8> {
  static constexpr int kBytes = kQuads * kQuadBytes;
  template <int q>
  static Sixteen quad(const uint8_t* p) {
    return load_lanes(p + q * kQuadBytes);
  }
  static void pack(const Sixteen* quads, uint8_t* to) {
    for (int q = 0; q < kQuads; ++q) store_lanes(to + q * kQuadBytes, quads[q]);
  }
};

// Two quads in each 64 bytes: low and high halves of the bytes.
template <>
struct PackedCodes<4> {
  static constexpr int kBytes = kQuads / 2 * kQuadBytes;
  template <int q>
  static Sixteen quad(const uint8_t* p) {
    return field<4 * (q % 2)>(load_lanes(p + q / 2 * kQuadBytes), 15);
  }
  static void pack(const Sixteen* quads, uint8_t* to) {
    for (int q = 0; q < kQuads; q += 2)
      store_lanes(to + q / 2 * kQuadBytes,
                  (quads[q] & splat_byte(15)) | moved<-4>(quads[q + 1] & splat_byte(15)));
  }
};

// Four quads in each 64 bytes.
template <>
struct PackedCodes<2> {
  static constexpr int kBytes = kQuads / 4 * kQuadBytes;
  template <int q>
  static Sixteen quad(const uint8_t* p) {
    return field<2 * (q % 4)>(load_lanes(p + q / 4 * kQuadBytes), 3);
  }
  static void pack(const Sixteen* quads, uint8_t* to) {
    const Sixteen three = splat_byte(3);
    for (int q = 0; q < kQuads; q += 4)
      store_lanes(to + q / 4 * kQuadBytes, (quads[q] & three) | moved<-2>(quads[q + 1] & three) |
                                               moved<-4>(quads[q + 2] & three) |
                                               moved<-6>(quads[q + 3] & three));
  }
};

// The top bits of all quads: bit q of a byte belongs to quad q, where it has the value of 2^kAt.
template <int kAt>
struct TopBits {
  static constexpr int kBytes = kQuadBytes;
  template <int q>
  static Sixteen quad(const uint8_t* p) {
    return field<q - kAt>(load_lanes(p), 1 << kAt);
  }
  template <int q = 0>
  static Sixteen joined(const Sixteen* quads) {
    const Sixteen own = moved<kAt - q>(quads[q] & splat_byte(1 << kAt));
    if constexpr (q + 1 < kQuads)
      return own | joined<q + 1>(quads);
    else
      return own;
  }
};

template <int kLow>
struct CodesWithTop {
  using Low = PackedCodes<kLow>;
  using Top = TopBits<kLow>;
  static constexpr int kBytes = Low::kBytes + Top::kBytes;
  template <int q>
  static Sixteen quad(const uint8_t* p) {
    return Low::template quad<q>(p) | Top::template quad<q>(p + Low::kBytes);
  }
  static void pack(const Sixteen* quads, uint8_t* to) {
    Low::pack(quads, to);
    store_lanes(to + Low::kBytes, Top::joined(quads));
  }
};
template <>
struct PackedCodes<3> : CodesWithTop<2> {};
template <>
struct PackedCodes<5> : CodesWithTop<4> {};

// Four bits, and beside them the upper two of four quads in each 64 bytes.
template <>
struct PackedCodes<6> {
  static constexpr int kBytes = PackedCodes<4>::kBytes + PackedCodes<2>::kBytes;
  template <int q>
  static Sixteen quad(const uint8_t* p) {
    const Sixteen top = load_lanes(p + PackedCodes<4>::kBytes + q / 4 * kQuadBytes);
    return PackedCodes<4>::quad<q>(p) | field<2 * (q % 4) - 4>(top, 48);
  }
  static void pack(const Sixteen* quads, uint8_t* to) {
    PackedCodes<4>::pack(quads, to);
    Sixteen top[kQuads];
    for (int q = 0; q < kQuads; ++q) top[q] = moved<4>(quads[q] & splat_byte(48));
    PackedCodes<2>::pack(top, to + PackedCodes<4>::kBytes);
  }
};

}  // namespace
}  // namespace weir
