using TeraIO.Core.Tracing;
using TeraIO.Planner.Synthesis;

namespace TeraIO.Planner.Tests.Synthesis;

/// <summary>FLOP, bytes and seconds against formulas written down here a second time.</summary>
public sealed class SyntheticCostTests
{
    private static readonly SynthesisOptions _options = SynthesisCases.OneBlock;

    private const double Tokens = 2 * 32;
    private const double Width = 64;
    private const double KeyWidth = 2 * 16;
    private const double FeedForward = 96;
    private const double Vocabulary = 128;

    private const double BlockWeights = (2 * Width * Width) + (2 * Width * KeyWidth) + (3 * Width * FeedForward);
    private const double HeadWeights = Width * Vocabulary;
    private const double AttentionFlops = 4 * Tokens * 32 * Width;

    [Test]
    public void Flash_attention_leaves_out_the_masked_half_and_computes_scores_again()
    {
        double expected = (6 * Tokens * (BlockWeights + HeadWeights)) + (AttentionFlops / 2 * 3.5);
        Assert.That(SyntheticTrace.CreateDetailed(_options).Flops, Is.EqualTo(expected));
    }

    [Test]
    public void Materialised_attention_computes_all_scores()
    {
        double expected = (6 * Tokens * (BlockWeights + HeadWeights)) + (AttentionFlops * 3);
        Assert.That(SyntheticTrace.CreateDetailed(_options with { Attention = AttentionKernel.Materialised }).Flops, Is.EqualTo(expected));
    }

    [Test]
    public void Activation_checkpointing_computes_the_blocks_forward_once_more()
    {
        double expected = (6 * Tokens * (BlockWeights + HeadWeights)) + (AttentionFlops / 2 * 3.5) + (2 * Tokens * BlockWeights) + (AttentionFlops / 2);
        Assert.That(SyntheticTrace.CreateDetailed(_options with { ActivationCheckpointing = true }).Flops, Is.EqualTo(expected));
    }

    [Test]
    public void Experts_do_the_work_of_the_active_ones()
    {
        SynthesisOptions experts = _options with { Model = _options.Model with { Experts = 4, ActiveExperts = 2 } };
        double added = (6 * Tokens * 3 * Width * FeedForward) + (6 * Tokens * Width * 4);
        double dense = SyntheticTrace.CreateDetailed(_options).Flops;
        Assert.That(SyntheticTrace.CreateDetailed(experts).Flops, Is.EqualTo(dense + added));
    }

    [Test]
    public void A_product_moves_its_operands_and_its_result_once()
    {
        SyntheticIteration iteration = SyntheticTrace.CreateDetailed(_options);
        int op = FirstOp(iteration.Trace, "aten::mm");
        Assert.Multiple(() =>
        {
            Assert.That(iteration.Costs[op].Bytes, Is.EqualTo(4 * ((2 * Tokens * Width) + (Width * Width))));
            Assert.That(iteration.Costs[op].Flops, Is.EqualTo(2 * Tokens * Width * Width));
        });
    }

    [Test]
    public void An_op_in_place_moves_its_tensor_twice()
    {
        SyntheticIteration iteration = SyntheticTrace.CreateDetailed(_options);
        int op = FirstOp(iteration.Trace, "aten::mul_.Tensor"); // clipping the embedding's gradient
        Assert.That(iteration.Costs[op].Bytes, Is.EqualTo(2 * 4 * Vocabulary * Width));
    }

    [Test]
    public void A_fused_update_moves_gradient_once_and_weight_and_moments_twice()
    {
        SyntheticIteration iteration = SyntheticTrace.CreateDetailed(_options);
        int op = FirstOp(iteration.Trace, "aten::_fused_adamw_");
        Assert.That(iteration.Costs[op].Bytes, Is.EqualTo(7 * 4 * Vocabulary * Width));
    }

    [Test]
    public void Seconds_are_those_of_the_slower_of_compute_and_memory_plus_the_overhead()
    {
        DeviceRoofline device = _options.Device;
        SyntheticIteration iteration = SyntheticTrace.CreateDetailed(_options with { Batch = 64, Sequence = 2048 });
        Assert.Multiple(() =>
        {
            bool isComputeBoundSeen = false;
            bool isMemoryBoundSeen = false;
            for (int i = 0; i < iteration.Costs.Count; i++)
            {
                double compute = iteration.Costs[i].Flops / (60e12 * 0.75);
                double memory = iteration.Costs[i].Bytes / (3900e9 * 0.85);
                isComputeBoundSeen |= compute > memory;
                isMemoryBoundSeen |= memory > compute;
                Assert.That(iteration.Trace.Ops[i].Seconds, Is.EqualTo(Math.Max(compute, memory) + device.KernelOverheadSeconds).Within(1e-9).Percent, iteration.Trace.Ops[i].Name);
            }

            Assert.That(isComputeBoundSeen && isMemoryBoundSeen);
        });
    }

    [Test]
    public void Ranks_of_a_tensor_parallel_group_share_the_work_equally()
    {
        double whole = SyntheticTrace.CreateDetailed(_options).Flops;
        double half = SyntheticTrace.CreateDetailed(_options with { TensorParallel = 2 }).Flops;
        Assert.That(half, Is.EqualTo(whole / 2));
    }

    [Test]
    public void Stages_of_a_pipeline_do_the_work_of_one_device_together()
    {
        SynthesisOptions deep = _options with { Model = _options.Model with { Layers = 5 }, MicroBatches = 3 };
        double whole = SyntheticTrace.CreateDetailed(deep).Flops;
        double stages = Enumerable.Range(0, 3).Sum(rank => SyntheticTrace.CreateDetailed(deep with { PipelineParallel = 3, Rank = rank }).Flops);
        Assert.That(stages, Is.EqualTo(whole));
    }

    [Test]
    public void A_stage_waits_for_its_neighbours_one_forward_and_backward_for_each_of_them()
    {
        SynthesisOptions deep = _options with { Model = _options.Model with { Layers = 6 }, MicroBatches = 4, PipelineParallel = 3, ClipsGradients = false };
        for (int rank = 0; rank < 3; rank++)
        {
            SyntheticIteration iteration = SyntheticTrace.CreateDetailed(deep with { Rank = rank });
            double waiting = 0;
            double pass = 0;
            for (int i = 0; i < iteration.Costs.Count; i++)
            {
                TraceOp op = iteration.Trace.Ops[i];
                OpCost cost = iteration.Costs[i];
                bool isTransfer = op.Name.StartsWith("nccl", StringComparison.Ordinal);
                double work = deep.Device.Seconds(cost.Flops, isTransfer ? 0 : cost.Bytes, deep.Precision) + (isTransfer ? cost.Bytes / deep.Device.InterconnectBandwidth : 0);
                waiting += op.Seconds - work;
                if (op.MicroBatch == 0 && op.Phase != OpPhase.Update) pass += work;
            }

            Assert.That(waiting, Is.EqualTo(2 * pass).Within(1e-6).Percent, $"rank {rank}");
        }
    }

    [Test]
    public void An_all_reduce_passes_its_ring_share_over_the_interconnect()
    {
        SyntheticIteration iteration = SyntheticTrace.CreateDetailed(_options with { TensorParallel = 2 });
        int op = FirstOp(iteration.Trace, "nccl:all_reduce");
        double expected = (4 * Tokens * Width / 300e9) + _options.Device.KernelOverheadSeconds;
        Assert.That(iteration.Trace.Ops[op].Seconds, Is.EqualTo(expected).Within(1e-9).Percent);
    }

    private static int FirstOp(Trace trace, string name)
    {
        for (int i = 0; i < trace.Ops.Length; i++)
        {
            if (trace.Ops[i].Name == name) return i;
        }

        throw new AssertionException($"There is no {name}.");
    }
}
