"""MAR's masked encoder-decoder and diffusion head, functional, over a dictionary of official names."""

import math

import torch
import torch.nn.functional as F

TIMESTEPS = 1000


class Trunk:
    """Tokens that are known [B, k, C] with their positions [B, k] -> hidden states of all positions [B, L, D]."""

    def __init__(self, weights, encoder, decoder, buffer, dropout=0.0):
        self.w, self.encoder, self.decoder = weights, encoder, decoder
        self.buffer, self.dropout = buffer, dropout

    def __call__(self, cond, known, position):
        """`cond` [R, D]: an embedding per row; `known` and `position` have as many rows, or one for all."""
        rows, width = cond.shape
        place = self.w["encoder_pos_embed_learned"][0]
        head = cond[:, None] + place[: self.buffer]
        tokens = F.linear(known, self.w["z_proj.weight"], self.w["z_proj.bias"]) + place[self.buffer + position]
        x = self.norm("z_proj_ln", torch.cat([head, tokens.expand(rows, -1, -1)], dim=1))
        for i in range(self.encoder["depth"]):
            x = self.block(f"encoder_blocks.{i}", x, self.encoder["heads"])
        x = self.norm("encoder_norm", x)
        x = F.linear(x, self.w["decoder_embed.weight"], self.w["decoder_embed.bias"])
        length = self.w["diffusion_pos_embed_learned"].shape[1]
        full = self.w["mask_token"].expand(rows, self.buffer + length, -1).clone()
        full[:, : self.buffer] = x[:, : self.buffer]
        index = (self.buffer + position).expand(rows, -1)[..., None].expand(-1, -1, x.shape[2])
        x = full.scatter(1, index, x[:, self.buffer :]) + self.w["decoder_pos_embed_learned"]
        for i in range(self.decoder["depth"]):
            x = self.block(f"decoder_blocks.{i}", x, self.decoder["heads"])
        x = self.norm("decoder_norm", x)
        return x[:, self.buffer :] + self.w["diffusion_pos_embed_learned"]

    def norm(self, name, x):
        return F.layer_norm(x, x.shape[-1:], self.w[f"{name}.weight"], self.w[f"{name}.bias"], 1e-6)

    def linear(self, name, x):
        return F.linear(x, self.w[f"{name}.weight"], self.w[f"{name}.bias"])

    def block(self, name, x, heads):
        rows, length, width = x.shape
        qkv = self.linear(f"{name}.attn.qkv", self.norm(f"{name}.norm1", x))
        q, k, v = qkv.view(rows, length, 3, heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        out = F.scaled_dot_product_attention(q, k, v, dropout_p=self.dropout)
        x = x + self.drop(self.linear(f"{name}.attn.proj", out.transpose(1, 2).reshape(rows, length, width)))
        h = self.drop(F.gelu(self.linear(f"{name}.mlp.fc1", self.norm(f"{name}.norm2", x))))
        return x + self.drop(self.linear(f"{name}.mlp.fc2", h))

    def drop(self, x):
        return F.dropout(x, self.dropout) if self.dropout > 0 else x


class Denoiser:
    """Noisy tokens [N, C] under conditions [N, W] and time embeddings -> noise and variance [N, 2C]."""

    def __init__(self, weights, blocks):
        self.w = {name.removeprefix("diffloss.net."): tensor for name, tensor in weights.items()}
        self.blocks = blocks

    def linear(self, name, x):
        return F.linear(x, self.w[f"{name}.weight"], self.w[f"{name}.bias"])

    def time(self, t):
        frequency = torch.exp(-math.log(10000) * torch.arange(128) / 128)
        angle = t[:, None].float() * frequency
        features = torch.cat([angle.cos(), angle.sin()], dim=1)
        return self.linear("time_embed.mlp.2", F.silu(self.linear("time_embed.mlp.0", features)))

    def condition(self, z):
        return self.linear("cond_embed", z)

    def __call__(self, x, time, condition):
        y = F.silu(time + condition)
        x = self.linear("input_proj", x)
        for i in range(self.blocks):
            name = f"res_blocks.{i}"
            shift, scale, gate = self.linear(f"{name}.adaLN_modulation.1", y).chunk(3, dim=1)
            norm = F.layer_norm(x, x.shape[-1:], self.w[f"{name}.in_ln.weight"], self.w[f"{name}.in_ln.bias"], 1e-6)
            h = F.silu(self.linear(f"{name}.mlp.0", torch.addcmul(shift, norm, 1 + scale)))
            x = torch.addcmul(x, gate, self.linear(f"{name}.mlp.2", h))
        shift, scale = self.linear("final_layer.adaLN_modulation.1", y).chunk(2, dim=1)
        return self.linear("final_layer.linear", torch.addcmul(shift, F.layer_norm(x, x.shape[-1:], eps=1e-6), 1 + scale))


def alphas():
    """Products of the cosine schedule's alphas, float64."""

    def bar(u):
        return math.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2

    betas = [min(1 - bar((i + 1) / TIMESTEPS) / bar(i / TIMESTEPS), 0.999) for i in range(TIMESTEPS)]
    return torch.cumprod(1 - torch.tensor(betas, dtype=torch.float64), 0)


class Chain:
    """Coefficients of a chain of steps through the cosine schedule, float32."""

    def __init__(self, steps):
        if steps == TIMESTEPS:
            kept = torch.arange(TIMESTEPS)
        else:
            kept = torch.tensor([round(i * (TIMESTEPS - 1) / (steps - 1)) for i in range(steps)])
        bar = alphas()[kept]
        before = torch.cat([torch.ones(1, dtype=torch.float64), bar[:-1]])
        beta = 1 - bar / before
        posterior = beta * (1 - before) / (1 - bar)
        clipped = torch.cat([posterior[1:2], posterior[1:]]).log()
        self.timestep, self.steps = kept, steps
        self.sqrt_bar, self.sqrt_rest = bar.sqrt().float(), (1 - bar).sqrt().float()
        self.recip, self.recip_rest = (1 / bar).sqrt().float(), (1 / bar - 1).sqrt().float()
        self.mean_x0 = (beta * before.sqrt() / (1 - bar)).float()
        self.mean_xt = ((1 - before) * (1 - beta).sqrt() / (1 - bar)).float()
        self.log_beta, self.log_posterior = beta.log().float(), clipped.float()


def sample_tokens(denoiser, chain, z, weight, temperature):
    """Conditions [n, D], or [2n, D] under guidance -> tokens [n, C]."""
    guided = weight != 1
    count = z.shape[0] // 2 if guided else z.shape[0]
    channels = denoiser.w["input_proj.weight"].shape[1]
    condition = denoiser.condition(z)
    x = torch.randn(count, channels)
    for t in reversed(range(chain.steps)):
        time = denoiser.time(chain.timestep[t : t + 1])
        out = denoiser(torch.cat([x, x]) if guided else x, time, condition)
        noise, variance = out.chunk(2, dim=1)
        if guided:
            conditional, null = noise.chunk(2)
            noise, variance = null + weight * (conditional - null), variance[:count]
        start = chain.recip[t] * x - chain.recip_rest[t] * noise
        x = chain.mean_x0[t] * start + chain.mean_xt[t] * x
        if t > 0:
            share = (variance + 1) / 2
            log_variance = share * chain.log_beta[t] + (1 - share) * chain.log_posterior[t]
            x = x + temperature * torch.exp(0.5 * log_variance) * torch.randn(count, channels)
    return x


def diffusion_loss(denoiser, chain, x0, z):
    """Squared error plus variational bound (in bits), a value a row."""
    t = torch.randint(TIMESTEPS, (x0.shape[0],))
    noise = torch.randn_like(x0)
    at = t[:, None]
    x_t = chain.sqrt_bar[at] * x0 + chain.sqrt_rest[at] * noise
    out, variance = denoiser(x_t, denoiser.time(t), denoiser.condition(z)).chunk(2, dim=1)
    share = (variance + 1) / 2
    log_variance = share * chain.log_beta[at] + (1 - share) * chain.log_posterior[at]
    start = chain.recip[at] * x_t - chain.recip_rest[at] * out.detach()
    mean = chain.mean_x0[at] * start + chain.mean_xt[at] * x_t
    true_mean = chain.mean_x0[at] * x0 + chain.mean_xt[at] * x_t
    true_log = chain.log_posterior[at]
    gap = (true_mean - mean) ** 2 * torch.exp(-log_variance)
    kl = 0.5 * (-1 + log_variance - true_log + torch.exp(true_log - log_variance) + gap)
    bound = torch.where(t == 0, first_step(x0, mean, 0.5 * log_variance), kl.mean(1) / math.log(2))
    return ((out - noise) ** 2).mean(1) + bound


def first_step(x0, mean, log_scale):
    """Discretised Gaussian of the last denoising step."""

    def cdf(x):
        return 0.5 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))

    centred, inverse = x0 - mean, torch.exp(-log_scale)
    above, below = cdf(inverse * (centred + 1 / 255)), cdf(inverse * (centred - 1 / 255))
    inside = torch.where(x0 > 0.999, 1 - below, above - below)
    return -torch.where(x0 < -0.999, above, inside).clamp(min=1e-12).log().mean(1) / math.log(2)
