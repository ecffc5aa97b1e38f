// The table of stored types, one row each. A new type is a row here, its block decoder
// (dequantize*.cpp), its block encoder if it is written (quantize_*.cpp) and its layout for the
// vectorised loops (formats-inl.h with integer products, stepped_formats-inl.h without); tests walk
// the rows.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/quant/blocks.h"

namespace weir {

// Decodes one block: the definition of a type.
using BlockDecoder = void(const uint8_t* block, float* y);
// Encodes one block. x: limited to +-2^30, so that no square overflows; weights: positive, at most
// 1 (all 1 when nothing is known about importance). Both 64-byte aligned.
using BlockEncoder = void(const float* x, const float* weights, uint8_t* block);

namespace decoders {
BlockDecoder q4_0, q4_1, q5_0, q5_1, q8_0, iq4_nl, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_xs;
BlockDecoder iq1_s, iq1_m, iq2_xxs, iq2_xs, iq2_s, iq3_xxs, iq3_s;
BlockDecoder tq1_0, tq2_0, mxfp4, nvfp4, q1_0, q2_0;
}  // namespace decoders
namespace encoders {
BlockEncoder q4_0, q4_1, q5_0, q5_1, q8_0, iq4_nl, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_xs;
BlockEncoder tq1_0, tq2_0, mxfp4;
}  // namespace encoders

struct TypeRow : TypeTraits {
  const char* dtype;  // in safetensors files; "" where those do not have it
  WeightType
      stand_in;  // smaller blocks of about as many bits, for rows that `block` does not divide
  BlockDecoder* decode;  // null: plain numbers, which dequantize_row and quantize_row know
  BlockEncoder* encode;  // null: not written in blocks
  // In a panel (panel_format-inl.h): bits of a code, and bytes of a row's block. 0: there are no
  // integer products.
  int code_bits = 0, panel_bytes = 0;
};

constexpr TypeRow kTypes[] = {
    {{WeightType::f32, "f32", 1, 4}, "F32", WeightType::f32, nullptr, nullptr},
    {{WeightType::f16, "f16", 1, 2}, "F16", WeightType::f16, nullptr, nullptr},
    {{WeightType::bf16, "bf16", 1, 2}, "BF16", WeightType::bf16, nullptr, nullptr},
    {{WeightType::q8_0, "q8_0", 32, 34},
     "",
     WeightType::iq4_nl,
     decoders::q8_0,
     encoders::q8_0,
     8,
     34},
    {{WeightType::q4_0, "q4_0", 32, 18},
     "",
     WeightType::iq4_nl,
     decoders::q4_0,
     encoders::q4_0,
     4,
     18},
    {{WeightType::q4_1, "q4_1", 32, 20},
     "",
     WeightType::iq4_nl,
     decoders::q4_1,
     encoders::q4_1,
     4,
     20},
    {{WeightType::q5_0, "q5_0", 32, 22},
     "",
     WeightType::iq4_nl,
     decoders::q5_0,
     encoders::q5_0,
     5,
     22},
    {{WeightType::q5_1, "q5_1", 32, 24},
     "",
     WeightType::iq4_nl,
     decoders::q5_1,
     encoders::q5_1,
     5,
     24},
    {{WeightType::q2_k, "q2_k", 256, 84},
     "",
     WeightType::q4_0,
     decoders::q2_k,
     encoders::q2_k,
     2,
     84},
    {{WeightType::q3_k, "q3_k", 256, 110},
     "",
     WeightType::q4_0,
     decoders::q3_k,
     encoders::q3_k,
     3,
     114},
    {{WeightType::q4_k, "q4_k", 256, 144},
     "",
     WeightType::q5_0,
     decoders::q4_k,
     encoders::q4_k,
     4,
     148},
    {{WeightType::q5_k, "q5_k", 256, 176},
     "",
     WeightType::q5_1,
     decoders::q5_k,
     encoders::q5_k,
     5,
     180},
    {{WeightType::q6_k, "q6_k", 256, 210},
     "",
     WeightType::q8_0,
     decoders::q6_k,
     encoders::q6_k,
     6,
     210},
    {{WeightType::iq4_nl, "iq4_nl", 32, 18},
     "",
     WeightType::iq4_nl,
     decoders::iq4_nl,
     encoders::iq4_nl,
     4,
     18},
    {{WeightType::iq4_xs, "iq4_xs", 256, 136},
     "",
     WeightType::iq4_nl,
     decoders::iq4_xs,
     encoders::iq4_xs,
     4,
     138},
    {{WeightType::iq1_s, "iq1_s", 256, 50}, "", WeightType::iq4_nl, decoders::iq1_s, nullptr},
    {{WeightType::iq1_m, "iq1_m", 256, 56}, "", WeightType::iq4_nl, decoders::iq1_m, nullptr},
    {{WeightType::iq2_xxs, "iq2_xxs", 256, 66}, "", WeightType::iq4_nl, decoders::iq2_xxs, nullptr},
    {{WeightType::iq2_xs, "iq2_xs", 256, 74}, "", WeightType::iq4_nl, decoders::iq2_xs, nullptr},
    {{WeightType::iq2_s, "iq2_s", 256, 82}, "", WeightType::iq4_nl, decoders::iq2_s, nullptr},
    {{WeightType::iq3_xxs, "iq3_xxs", 256, 98}, "", WeightType::iq4_nl, decoders::iq3_xxs, nullptr},
    {{WeightType::iq3_s, "iq3_s", 256, 110}, "", WeightType::iq4_nl, decoders::iq3_s, nullptr},
    {{WeightType::tq1_0, "tq1_0", 256, 54}, "", WeightType::q4_0, decoders::tq1_0, encoders::tq1_0},
    {{WeightType::tq2_0, "tq2_0", 256, 66}, "", WeightType::q4_0, decoders::tq2_0, encoders::tq2_0},
    {{WeightType::mxfp4, "mxfp4", 32, 17}, "", WeightType::mxfp4, decoders::mxfp4, encoders::mxfp4},
    {{WeightType::nvfp4, "nvfp4", 64, 36}, "", WeightType::mxfp4, decoders::nvfp4, nullptr},
    {{WeightType::q1_0, "q1_0", 128, 18}, "", WeightType::q4_0, decoders::q1_0, nullptr},
    {{WeightType::q2_0, "q2_0", 64, 18}, "", WeightType::q4_0, decoders::q2_0, nullptr},
    {{WeightType::f8_e4m3, "f8_e4m3", 1, 1}, "F8_E4M3", WeightType::f8_e4m3, nullptr, nullptr},
    {{WeightType::f8_e4m3_32, "f8_e4m3_32", 1, 1},
     "F8_E4M3",
     WeightType::f8_e4m3_32,
     nullptr,
     nullptr},
};

const TypeRow& type_row(WeightType type);

// The values that the codes of IQ4_NL and IQ4_XS stand for (ggml-common.h of llama.cpp).
alignas(16) constexpr int8_t kCurve[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                           1,    13,   25,  38,  53,  69,  89,  113};

// Twice the values of E2M1's codes, the OCP Microscaling formats' four bits; minus zero is zero.
alignas(16) constexpr int8_t kTwiceE2M1[16] = {0, 1,  2,  3,  4,  6,  8,  12,
                                               0, -1, -2, -3, -4, -6, -8, -12};

}  // namespace weir
