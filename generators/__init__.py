"""The middle floor: raw dataset -> profile -> proposals -> competition -> verdict."""
