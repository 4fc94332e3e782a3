"""Full int8: convolutions and linear layers whose weights and inputs are integers of 8 bits.

The result is an ordinary program with Paddle's ops of quantisation-aware training in it. Paddle computes with them what
the phone will, and Paddle-Lite's opt takes them out again: it stores the weights in int8, notes the scales and picks
its int8 kernels (`QuantDequantFusePass` in lite/core/optimizer/mir/fusion/quant_dequant_fuse_pass.cc). PaddleSlim and
`paddle.static.quantization` write the same ops; they run on a folder of the original program in this process, with
their own names and readers, so that the rewritten program, the worker with limits, bias correction and the choice of
layers would have to go around them.
"""
