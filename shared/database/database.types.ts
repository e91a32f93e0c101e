export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[];

export type Database = {
  public: {
    Tables: {
      conversations: {
        Row: {
          created_at: string;
          id: string;
          message_count: number;
          title: string;
          updated_at: string;
          user_id: string;
        };
        ComputedFields: never;
        Insert: {
          created_at?: string;
          id: string;
          message_count?: number;
          title: string;
          updated_at?: string;
          user_id: string;
        };
        Update: {
          created_at?: string;
          id?: string;
          message_count?: number;
          title?: string;
          updated_at?: string;
          user_id?: string;
        };
        Relationships: [];
      };
      messages: {
        Row: {
          content: string;
          continuation: string | null;
          conversation_id: string;
          created_at: string;
          finish_reason: Database["public"]["Enums"]["finish_reason"] | null;
          image_bytes: number;
          images: number;
          model_id: string | null;
          parts: Json | null;
          position: number;
          request_id: string;
          role: Database["public"]["Enums"]["message_role"];
          text_bytes: number;
          tool_call_id: string | null;
          tool_calls: Json | null;
        };
        ComputedFields: never;
        Insert: {
          content: string;
          continuation?: string | null;
          conversation_id: string;
          created_at?: string;
          finish_reason?: Database["public"]["Enums"]["finish_reason"] | null;
          image_bytes?: never;
          images?: never;
          model_id?: string | null;
          parts?: Json | null;
          position: number;
          request_id: string;
          role: Database["public"]["Enums"]["message_role"];
          text_bytes?: never;
          tool_call_id?: string | null;
          tool_calls?: Json | null;
        };
        Update: {
          content?: string;
          continuation?: string | null;
          conversation_id?: string;
          created_at?: string;
          finish_reason?: Database["public"]["Enums"]["finish_reason"] | null;
          image_bytes?: never;
          images?: never;
          model_id?: string | null;
          parts?: Json | null;
          position?: number;
          request_id?: string;
          role?: Database["public"]["Enums"]["message_role"];
          text_bytes?: never;
          tool_call_id?: string | null;
          tool_calls?: Json | null;
        };
        Relationships: [
          {
            foreignKeyName: "messages_conversation_id_fkey";
            columns: ["conversation_id"];
            isOneToOne: false;
            referencedRelation: "conversations";
            referencedColumns: ["id"];
          },
        ];
      };
      profiles: {
        Row: {
          created_at: string;
          display_name: string | null;
          user_id: string;
        };
        ComputedFields: never;
        Insert: {
          created_at?: string;
          display_name?: string | null;
          user_id: string;
        };
        Update: {
          created_at?: string;
          display_name?: string | null;
          user_id?: string;
        };
        Relationships: [];
      };
    };
    Views: {
      [_ in never]: never;
    };
    Functions: {
      accept_held_price: { Args: { actor_id: string; route_id: number; run_id: string }; Returns: Json };
      add_activation_rule: { Args: { actor_id: string; rule: Json }; Returns: Json };
      add_provider_key: { Args: { actor_id: string; key: Json; replaces?: string }; Returns: Json };
      apply_model_feed: { Args: { feed: Json; run_id: string; source: string }; Returns: Json };
      apply_stripe_sync: {
        Args: { customer_id: string; endpoint?: string; event_id?: string; state: Json; ticket: number };
        Returns: boolean;
      };
      begin_billing_call: { Args: { user_id: string }; Returns: Json };
      begin_chats: { Args: { items: Json }; Returns: Json[] };
      begin_key_checks: {
        Args: { checks: number; deployment?: "forbidden" | "allowed" | "required"; user_id: string };
        Returns: Json;
      };
      begin_model_sync: { Args: { actor_id?: string; run_id: string; sources: string[] }; Returns: Json };
      begin_reconciliation: { Args: { run_id: string }; Returns: Json };
      begin_stripe_sync: { Args: { customer_id?: string; endpoint?: string; event?: Json }; Returns: Json };
      change_api_key: { Args: { api_key_id: string; change: Json; user_id: string }; Returns: Json };
      change_byok_key: {
        Args: { change: Json; name: string; provider: string; user_id: string };
        Returns: Json;
      };
      change_models: { Args: { actor_id: string; change: Json; model_ids: string[] }; Returns: Json };
      change_provider_key: { Args: { actor_id: string; change: Json; key_id: string }; Returns: Json };
      claim_alerts: { Args: { most: number }; Returns: Json[] };
      create_api_key: { Args: { key: Json; user_id: string }; Returns: Json };
      delete_byok_keys: { Args: { name?: string; provider: string; user_id: string }; Returns: number };
      delete_provider_key: { Args: { actor_id: string; key_id: string }; Returns: boolean };
      end_reconciliation: { Args: { outcome: Json; run_id: string }; Returns: boolean };
      extend_chat: {
        Args: { calls: number; hold_id: string; provider: string; provider_calls: number };
        Returns: boolean;
      };
      fail_model_sync: { Args: { error: string; run_id: string; source: string }; Returns: undefined };
      find_model_by_name: { Args: { name: string }; Returns: string };
      find_model_lists: { Args: { user_ids: string[] }; Returns: Json[] };
      find_offer: {
        Args: { credit_nano?: number; interval?: string; plan_id?: string; user_id: string };
        Returns: Json;
      };
      find_request: { Args: { request_id: string; user_id: string }; Returns: Json };
      find_sealed_key: { Args: { name?: string; provider: string; user_id: string }; Returns: Json };
      get_balance: { Args: { user_id: string }; Returns: Json };
      get_billing: { Args: { user_id: string }; Returns: Json };
      get_limits: { Args: { user_id: string }; Returns: Json };
      get_preferences: { Args: { user_id: string }; Returns: Json };
      get_revenue: { Args: { from_at: string; to_at: string }; Returns: Json };
      get_usage: {
        Args: {
          from_at: string;
          group_by?: string;
          page_cursor?: string;
          page_limit?: number;
          to_at: string;
          user_id: string;
        };
        Returns: Json;
      };
      lease_billing: { Args: { lease_id: string; user_id: string }; Returns: Json };
      list_activation_rules: { Args: Record<PropertyKey, never>; Returns: Json[] };
      list_all_models: { Args: { page_cursor?: string; page_limit: number; query: Json }; Returns: Json[] };
      list_api_keys: { Args: { user_id: string }; Returns: Json[] };
      list_audit: { Args: { page_cursor?: string; page_limit: number; target?: string }; Returns: Json[] };
      list_byok_keys: {
        Args: { deployment?: "forbidden" | "allowed" | "required"; user_id: string };
        Returns: Json;
      };
      list_customers_to_reconcile: { Args: { before: string; most: number }; Returns: string[] };
      list_held_prices: { Args: Record<PropertyKey, never>; Returns: Json[] };
      list_margins: {
        Args: {
          after_margin?: number;
          after_user?: string;
          from_at: string;
          page_limit: number;
          to_at: string;
        };
        Returns: Json[];
      };
      list_model_syncs: {
        Args: { after_source?: string; after_start?: string; page_limit: number; run_id?: string };
        Returns: Json[];
      };
      list_plans: { Args: Record<PropertyKey, never>; Returns: Json };
      list_provider_keys: { Args: Record<PropertyKey, never>; Returns: Json[] };
      list_reconciliations: { Args: { before?: string; page_limit: number }; Returns: Json[] };
      list_undone_events: { Args: { event_ids: string[] }; Returns: string[] };
      make_model_list: { Args: { plan_id: string; query: Json }; Returns: Json };
      patch_preferences: { Args: { patch: Json; user_id: string }; Returns: Json };
      place_hold: { Args: { item: Json }; Returns: Json };
      preview_model_feed: { Args: { feed: Json; source: string }; Returns: Json };
      put_stripe_customer: { Args: { customer_id: string; user_id: string }; Returns: string };
      release_billing: { Args: { lease_id: string; user_id: string }; Returns: boolean };
      release_hold: { Args: { hold_id: string }; Returns: Json };
      remove_activation_rule: { Args: { actor_id: string; rule_id: number }; Returns: boolean };
      reopen_route: { Args: { route_id: number }; Returns: boolean };
      report_alerts: { Args: { delivered: string[]; failed: string[] }; Returns: Json };
      revoke_api_key: { Args: { api_key_id: string; user_id: string }; Returns: boolean };
      rewrap_keys: { Args: { items: Json }; Returns: number };
      save_byok_key: { Args: { key: Json; user_id: string }; Returns: Json };
      save_reply_parts: { Args: { items: Json }; Returns: string[] };
      set_time_zone: { Args: { time_zone: string; user_id: string }; Returns: Json };
      settle_chats: { Args: { items: Json }; Returns: Json[] };
      settle_hold: { Args: { item: Json }; Returns: Json };
      skip_reconciliation: { Args: { customer_id: string }; Returns: boolean };
      sync_billing_prices: { Args: { prices: Json }; Returns: number };
      use_api_keys: { Args: { digests: string[] }; Returns: Json[] };
    };
    Enums: {
      finish_reason: "stop" | "length" | "content_filter" | "tool_calls" | "interrupted";
      message_role: "system" | "user" | "assistant" | "tool";
    };
    CompositeTypes: {
      [_ in never]: never;
    };
  };
};

type DatabaseWithoutInternals = Omit<Database, "__InternalSupabase">;

type DefaultSchema = DatabaseWithoutInternals[Extract<keyof Database, "public">];

export type Tables<
  DefaultSchemaTableNameOrOptions extends
    | keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  }
    ? keyof (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
        DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])
    : never = never,
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
      DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])[TableName] extends {
      Row: infer R;
    }
    ? R
    : never
  : DefaultSchemaTableNameOrOptions extends keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    ? (DefaultSchema["Tables"] & DefaultSchema["Views"])[DefaultSchemaTableNameOrOptions] extends {
        Row: infer R;
      }
      ? R
      : never
    : never;

export type TablesInsert<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never,
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Insert: infer I;
    }
    ? I
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
    ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
        Insert: infer I;
      }
      ? I
      : never
    : never;

export type TablesUpdate<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never,
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Update: infer U;
    }
    ? U
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
    ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
        Update: infer U;
      }
      ? U
      : never
    : never;

export type Enums<
  DefaultSchemaEnumNameOrOptions extends
    | keyof DefaultSchema["Enums"]
    | { schema: keyof DatabaseWithoutInternals },
  EnumName extends DefaultSchemaEnumNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"]
    : never = never,
> = DefaultSchemaEnumNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"][EnumName]
  : DefaultSchemaEnumNameOrOptions extends keyof DefaultSchema["Enums"]
    ? DefaultSchema["Enums"][DefaultSchemaEnumNameOrOptions]
    : never;

export type CompositeTypes<
  PublicCompositeTypeNameOrOptions extends
    | keyof DefaultSchema["CompositeTypes"]
    | { schema: keyof DatabaseWithoutInternals },
  CompositeTypeName extends PublicCompositeTypeNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  }
    ? keyof DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"]
    : never = never,
> = PublicCompositeTypeNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"][CompositeTypeName]
  : PublicCompositeTypeNameOrOptions extends keyof DefaultSchema["CompositeTypes"]
    ? DefaultSchema["CompositeTypes"][PublicCompositeTypeNameOrOptions]
    : never;

export const Constants = {
  public: {
    Enums: {
      finish_reason: ["stop", "length", "content_filter", "tool_calls", "interrupted"],
      message_role: ["system", "user", "assistant", "tool"],
    },
  },
} as const;
