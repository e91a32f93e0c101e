// Sealed by the first version. An envelope like these can lie in a database for years: none of this is ever made anew.

/** A setting with the root keys of the frozen envelopes. */
export const frozenSetting = JSON.stringify({
  active: "k1",
  keys: {
    k1: "PfprcO24pHKLUZBtj9xZ/iQ5QhEidYGCkCR6VEZ8AiA=",
    "2026-11_b": "MSP77hb4PAF96eylzNBQhg5UWuXU8l1yW4xmKGF9nEA=",
  },
});

export const frozenEnvelopes = [
  {
    envelope:
      "v1.k1.MDq50mm_Ts6Ic2Xa4uCa7Xfkwj3tKAPFzjL79AtzqIlVYNgsneddePwd9ZdHiZ2vTF0ORgA4t__xmm-CBR1pR55sdWY_40hnx2a545bkeLYsi6l-fBEZQpJI0vxmyUz3f5a1mYY",
    binding: { owner: "platform", provider: "openai", record: "5b0c5ad2-6f0e-4c43-9a3e-0d9c1f2b7a41" },
    secret: "sk-proj-Canary_0123456789",
  },
  {
    envelope:
      "v1.2026-11_b.wrOMDI1hMUtcpFWhsmqz5Y3--1lYLBNBNS0r8vijo5PRzYfHXxl01h_P35qT_5ZNK-xWDtk19qGbUGti9-kMz0LUx2_BqTpPuZncFew",
    binding: { owner: "platform", provider: "google", record: "1" },
    secret: "x",
  },
  {
    envelope:
      "v1.2026-11_b.I8alaQawlKb6VFI0mcQAK_lfyiPpov45JXGGKYpRCsWBcUlkiZrWtt0Jf4z_pQPZpS5C-TdaEm8MH8bVeRhID4Zz7pxG6AWo04GoJNxaiFP6SL4HG8V8n-8qQbk",
    binding: {
      owner: "0b9b0e3c-7f5e-4d4b-8f0e-5a1c2d3e4f50",
      provider: "anthropic",
      record: "9007199254740993",
    },
    secret: "\ufeffключ 🔑",
  },
] as const;
